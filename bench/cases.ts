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
import { key, normal, split } from '../src/tensor/random.ts';
import {
  adam,
  compileStep,
  hyperOf,
  initialState,
  layoutOf,
  packTree,
  relativeL2,
  type StepDefinition,
} from '../src/nn/index.ts';
import { getOperator } from '../src/operators/index.ts';

export interface PreparedCase {
  readonly flops: number;
  run(): Promise<unknown>;
  dispose(): Promise<void>;
}

export interface Case {
  readonly name: string;
  readonly title: string;
  prepare(): Promise<PreparedCase>;
}

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

/** One training step as `train` runs it: parameters and moments go round, the batch stays. */
function training(model: string, s: number, threads: number): Case {
  return {
    name: `${model}-${s}`,
    title: `${model} training step, batch 20, s = ${s}`,
    async prepare() {
      const operator = getOperator(model);
      const parameters = operator.init(key(0));
      const optimizer = adam({ learningRate: 1e-3, weightDecay: 1e-4 });
      const definition: StepDefinition<unknown> = {
        layout: layoutOf(parameters),
        optimizer,
        reduction: 'sum',
        loss: (p, batch) =>
          relativeL2(operator.apply(p, batch['input']), batch['output'], { reduction: 'none' }),
      };
      const [a, b] = split(key(1), 2);
      const batch = {
        input: array(normal(a, 20 * s), [20, s, 1], 'float32'),
        output: array(normal(b, 20 * s), [20, s, 1], 'float32'),
      };
      const program = await compileStep(definition, batch, { threads });
      let state = initialState(definition, packTree(parameters));
      let t = 0;
      return {
        flops: program.productFlops,
        async run() {
          ({ state } = await program.run([state, hyperOf(definition, 1e-3, ++t), batch]));
        },
        dispose: () => program.dispose(),
      };
    },
  };
}

const image: Shape = [1, 18, 320, 320];
const kernel: Shape = [18, 18, 3, 3];
const convolve = (x: Tensor, w: Tensor): Tensor => conv(x, w, { padding: 'same' });
const backward = (x: Tensor, w: Tensor, g: Tensor): Tensor[] => [...vjp(convolve, x, w)[1](g)];

export const cases = (threads: number): Case[] => [
  plain(
    'gemm32',
    'matrix product 1024³, float32',
    threads,
    [
      [1024, 1024],
      [1024, 1024],
    ],
    (a, b) => matmul(a, b),
  ),
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
  ...['fno', 'mwt', 'pade'].flatMap((model) => [64, 256, 1024].map((s) => training(model, s, threads))),
];

const parts = ({ re, im }: { re: Tensor; im: Tensor }): Tensor[] => [re, im];
