/** The variational network and one probe of its noise map beside PyTorch: `npm run bench:mri [-- --only probe-8,… --json]`. */
import {
  array,
  compile,
  complexArray,
  vjp,
  jvp,
  mul,
  specsOf,
  type Complex,
  type Tensor,
} from '../src/tensor/index.ts';
import { key, normal, split } from '../src/tensor/random.ts';
import { countParameters } from '../src/nn/index.ts';
import { equispacedMask, varNet, varNetSizes, type VarNetParameters } from '../src/mri/index.ts';
import { besidePyTorch } from './beside.ts';
import type { Case } from './case.ts';
import { matrixProduct } from './cases.ts';

interface Sizes {
  readonly coils: number;
  readonly height: number;
  readonly width: number;
}

/** Four cascades of 8 channels. */
const network = varNetSizes.medium;
const ACS = 24;

const image = (parameters: VarNetParameters<Tensor>, kspace: Complex, mask: Tensor): Tensor =>
  varNet.apply(parameters, { kspace, mask });

/** v ∘ J Jᵀ v: one sample of the variance of each pixel. */
function probe(parameters: VarNetParameters<Tensor>, kspace: Complex, mask: Tensor, v: Tensor): Tensor {
  const f = (k: Complex): Tensor => image(parameters, k, mask);
  const [rows] = vjp(f, kspace)[1](v);
  return mul(v, jvp(f, [kspace], [rows])[1]);
}

function varNetCase(kind: 'forward' | 'probe', { coils, height, width }: Sizes, threads: number): Case {
  const shape = [1, coils, height, width];
  return {
    name: `${kind}-${coils}`,
    title: `VarNet ${kind}, ${coils} coils, ${height} × ${width}`,
    peer: {
      case: 'varnet',
      arguments: { ...network, coils, height, width, acs: ACS, probe: kind === 'probe' },
    },
    async prepare() {
      const parameters = varNet.init(key(0), network);
      const [re, im] = split(key(1), 2).map((k) => Float32Array.from(normal(k, coils * height * width)));
      const mask = equispacedMask(key(2), { width, acceleration: 4, acsLines: ACS });
      const v = array(Float32Array.from(normal(key(3), height * width)), [1, height, width], 'float32');
      const kspace = complexArray(re, im, shape);
      const inputs: unknown[] = [parameters, kspace, mask, ...(kind === 'probe' ? [v] : [])];
      const program = await compile((kind === 'probe' ? probe : image) as never, specsOf(inputs) as never, {
        threads,
      });
      return {
        flops: program.productFlops,
        parameters: countParameters(parameters),
        run: () => program.run(inputs as never),
        dispose: () => program.dispose(),
      };
    },
  };
}

await besidePyTorch((threads) => [
  matrixProduct(threads),
  ...[
    { coils: 8, height: 230, width: 180 },
    { coils: 15, height: 320, width: 320 },
  ].flatMap((sizes) => (['forward', 'probe'] as const).map((kind) => varNetCase(kind, sizes, threads))),
]);
