/** What bench/core.ts times: the same work as bench/peers/serve.py, under the same names. */
import {
  add,
  array,
  compile,
  conv,
  exp,
  matmul,
  mul,
  neg,
  rfft,
  sigmoid,
  spec,
  square,
  tanh,
  truncatedDft,
  vjp,
  type FloatDType,
  type NDArray,
  type Shape,
  type Tensor,
} from '../src/tensor/index.ts';
import { key, normal } from '../src/tensor/random.ts';
import type { Case } from './case.ts';
import { training } from './training.ts';

const randomArray = (seed: number, shape: Shape, dtype: FloatDType = 'float32'): NDArray =>
  array(
    normal(
      key(seed),
      shape.reduce((a, b) => a * b, 1),
    ),
    shape,
    dtype,
  );

/** A case that runs one function of tensors of the given shapes. */
function plain(
  name: string,
  title: string,
  threads: number,
  shapes: readonly Shape[],
  f: (...inputs: Tensor[]) => Tensor | readonly Tensor[],
  dtype: FloatDType = 'float32',
): Case {
  return {
    name,
    title,
    peer: { case: name },
    async prepare() {
      const program = await compile(
        f,
        shapes.map((shape) => spec(shape)),
        { threads, dtype },
      );
      const inputs = shapes.map((shape, i) => randomArray(i, shape, dtype));
      return {
        flops: program.productFlops,
        run: () => program.run(inputs),
        dispose: () => program.dispose(),
      };
    },
  };
}

const image: Shape = [1, 18, 320, 320];
const kernel: Shape = [18, 18, 3, 3];
const convolve = (x: Tensor, w: Tensor): Tensor => conv(x, w, { padding: 'same' });
const backward = (x: Tensor, w: Tensor, g: Tensor): Tensor[] => [...vjp(convolve, x, w)[1](g)];

/** Shows how fast this machine multiplies matrices at best. */
export const matrixProduct = (threads: number): Case =>
  plain(
    'gemm32',
    'matrix product 1024³, float32',
    threads,
    [
      [1024, 1024],
      [1024, 1024],
    ],
    (a, b) => matmul(a, b),
  );

export const cases = (threads: number): Case[] => [
  matrixProduct(threads),
  plain(
    'gemm64',
    'matrix product 1024³, float64',
    threads,
    [
      [1024, 1024],
      [1024, 1024],
    ],
    (a, b) => matmul(a, b),
    'float64',
  ),
  plain(
    'gemmTall',
    'matrix product 20480 × 64 × 128',
    threads,
    [
      [20480, 64],
      [64, 128],
    ],
    (a, b) => matmul(a, b),
  ),
  plain('convForward', 'convolution forward, 18 ch, 320²', threads, [image, kernel], convolve),
  plain('convBackward', 'convolution backward, 18 ch, 320²', threads, [image, kernel, image], backward),
  plain(
    'convBackward8',
    'convolution backward, batch 8',
    threads,
    [[8, 18, 320, 320], kernel, [8, 18, 320, 320]],
    backward,
  ),
  plain('rfft1024', '1280 real DFTs of length 1024', threads, [[1280, 1024]], (x) => parts(rfft(x))),
  plain('rfft320', '1280 real DFTs of length 320', threads, [[1280, 320]], (x) => parts(rfft(x))),
  plain('truncated1024', '16 modes of 1280 fields of 1024', threads, [[20, 1024, 64]], (x) =>
    parts(truncatedDft(x, 16, 1)),
  ),
  plain('truncated320', '16 modes of 1280 fields of 320', threads, [[20, 320, 64]], (x) =>
    parts(truncatedDft(x, 16, 1)),
  ),
  plain('elementwise', 'elementwise chain, 1 M values', threads, [[1 << 20]], (x) =>
    add(mul(tanh(add(mul(x, 1.5), 0.5)), exp(neg(square(x)))), sigmoid(x)),
  ),
  plain('tinyOps', '1000 elementwise ops on 64 values', threads, [[64]], (x) => {
    let y = x;
    for (let i = 0; i < 500; i++) y = mul(tanh(y), 1.01);
    return y;
  }),
  ...['fno', 'mwt', 'pade'].flatMap((model) =>
    [64, 256, 1024].map((s) => training({ model, batch: 20, s }, threads)),
  ),
];

const parts = ({ re, im }: { re: Tensor; im: Tensor }): Tensor[] => [re, im];
