/**
 * The variational network and one probe of its noise map beside PyTorch, then how the time of a noise map grows with pixels, coils
 * and probes: `npm run bench:mri [-- --only probe-8,… --json]`; with `--json` the first part alone, with
 * `--only growth` the second.
 */
import os from 'node:os';
import {
  array,
  compile,
  complexArray,
  jvp,
  mul,
  specsOf,
  vjp,
  type Complex,
  type Tensor,
} from '../src/tensor/index.ts';
import { key, normal, split } from '../src/tensor/random.ts';
import { constantsOf, countParameters } from '../src/nn/index.ts';
import {
  equispacedMask,
  getNetwork,
  networkReconstruction,
  noiseMaps,
  varNet,
  varNetSizes,
  type VarNetOptions,
  type VarNetParameters,
} from '../src/mri/index.ts';
import { besidePyTorch } from './beside.ts';
import type { Case, PreparedCase } from './case.ts';
import { printGrowth, type Growth } from './growth.ts';
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

interface Work {
  readonly kind: 'forward' | 'probe';
  readonly options: VarNetOptions;
  readonly acsLines: number;
  readonly threads: number;
}

/** The image of random k-space, or one probe of its noise map; the weights are constants, as in every use of a trained network. */
async function prepareVarNet(
  { kind, options, acsLines, threads }: Work,
  { coils, height, width }: Sizes,
): Promise<PreparedCase> {
  const parameters = varNet.init(key(0), options);
  const [re, im] = split(key(1), 2).map((k) => Float32Array.from(normal(k, coils * height * width)));
  const mask = equispacedMask(key(2), { width, acceleration: 4, acsLines });
  const v = array(Float32Array.from(normal(key(3), height * width)), [1, height, width], 'float32');
  const kspace = complexArray(re, im, [1, coils, height, width]);
  const inputs = [kspace, mask, v] as const;
  const program = await compile(
    (k: Complex, sampled: Tensor, direction: Tensor) => {
      const weights = constantsOf(parameters);
      return kind === 'probe' ? probe(weights, k, sampled, direction) : image(weights, k, sampled);
    },
    specsOf(inputs),
    { threads },
  );
  return {
    flops: program.productFlops,
    parameters: countParameters(parameters),
    run: () => program.run(inputs),
    dispose: () => program.dispose(),
  };
}

function varNetCase(kind: 'forward' | 'probe', sizes: Sizes, threads: number): Case {
  const { coils, height, width } = sizes;
  return {
    name: `${kind}-${coils}`,
    title: `VarNet ${kind}, ${coils} coils, ${height} × ${width}`,
    peer: {
      case: 'varnet',
      arguments: { ...network, coils, height, width, acs: ACS, probe: kind === 'probe' },
    },
    prepare: () => prepareVarNet({ kind, options: network, acsLines: ACS, threads }, sizes),
  };
}

/** The network of docs/results/mri-network and its ACS. */
const small = { options: varNetSizes.small, acsLines: 8, threads: os.availableParallelism() };
const probeOf = (sizes: Sizes): Promise<PreparedCase> => prepareVarNet({ kind: 'probe', ...small }, sizes);
const SIDE = 96;
const COILS = 8;

/** A noise map as a user has it: the programs are built, then there are as many probes as were asked for. */
function mapOf(probes: number): ReturnType<Growth['prepare']> {
  const parameters = varNet.init(key(0), small.options);
  const trained = networkReconstruction(getNetwork('varnet', small.options), parameters);
  const draws = split(key(1), 2).map((k) => normal(k, COILS * SIDE * SIDE));
  const mask = equispacedMask(key(2), { width: SIDE, acceleration: 4, acsLines: small.acsLines });
  const kspace = complexArray(draws[0], draws[1], [COILS, SIDE, SIDE]);
  const acquisition = { kspace, mask, sensitivities: null, noise: { sigma: 1 } };
  const reconstruct = trained.prepare(acquisition);
  const { output } = trained;
  const { threads } = small;
  return Promise.resolve({
    run: () => noiseMaps({ reconstruct, output }, acquisition, { probes, threads }),
    dispose: () => Promise.resolve(),
  });
}

const growth: readonly Growth[] = [
  {
    title: `VarNet probe, ${COILS} coils`,
    unit: 'pixels',
    sizes: [64, 96, 160, 256].map((side) => side * side),
    prepare: (pixels) => probeOf({ coils: COILS, height: Math.sqrt(pixels), width: Math.sqrt(pixels) }),
  },
  {
    title: `VarNet probe, ${SIDE} × ${SIDE}`,
    unit: 'coils',
    sizes: [4, 8, 16, 32],
    prepare: (coils) => probeOf({ coils, height: SIDE, width: SIDE }),
  },
  {
    title: `VarNet noise map, ${COILS} coils, ${SIDE} × ${SIDE}`,
    unit: 'probes',
    sizes: [4, 16, 64],
    prepare: mapOf,
  },
];

const { only, json } = await besidePyTorch(
  'mri',
  (threads) => [
    matrixProduct(threads),
    ...[
      { coils: 8, height: 230, width: 180 },
      { coils: 15, height: 320, width: 320 },
    ].flatMap((sizes) => (['forward', 'probe'] as const).map((kind) => varNetCase(kind, sizes, threads))),
  ],
  ['growth'],
);
if (!json && (only === null || only.includes('growth'))) for (const item of growth) await printGrowth(item);
