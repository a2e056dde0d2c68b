/**
 * Conformal embedding flows (Ross & Cresswell 2021): a density on a d-dimensional surface in Rᴰ, x = c(g(z)), where g is a flow of Rᵈ
 * and c a conformal embedding: zero-padding to D numbers, then conformal bijections of Rᴰ with JᵀJ = λ² I. Then
 *
 *   log p(x) = log q(g⁻¹(u)) + log |det ∂g⁻¹/∂u| − d log λ(u),  u = c†(x),
 *
 * with respect to d-dimensional area on the surface. The exponent is −d, the dimension of the latent: √det(λ² I_d) = λᵈ. For x off the
 * surface it is the density at c(c†(x)), and ‖x − c(c†(x))‖ says how far off it is. It is no density in Rᴰ, and is not comparable
 * with one.
 */
import {
  add,
  mean,
  mul,
  pad,
  showShape,
  sizeOf,
  sliceAxis,
  square,
  sub,
  sum,
  reshape,
  type NDArray,
  type Shape,
  type Tensor,
} from '../tensor/index.ts';
import { train } from '../nn/index.ts';
import { key as seedKey, split } from '../tensor/random.ts';
import { sequence } from './compose.ts';
import type { Density } from './density.ts';
import { explainStep } from './failures.ts';
import { firstBatch, runOptionsOf, settled } from './fit.ts';
import type { Flow, FlowParameters } from './flow.ts';
import { STEP, VALIDATION, type Given, type Layer, type Mode, type Stage, type TensorsOf } from './layer.ts';
import { calibrate, mapRows, present, type Beside, type RunOptions } from './run.ts';
import { flattenSamples } from './samples.ts';

export interface InjectiveFlowOptions {
  /** Of one sample, D numbers. */
  readonly shape: Shape;
  /** d, below D. */
  readonly latent: number;
  readonly context?: number;
  /** Conformal bijections of samples, from data to the padded latent. */
  readonly embedding: readonly Layer[];
  /** The flow of the latent. */
  readonly flow: (domain: { readonly shape: Shape; readonly context: number }) => Flow;
  /** What training weighs: mean of −log p, and mean squared distance to the surface, by coordinate. */
  readonly weights?: { readonly likelihood: number; readonly reconstruction: number };
}

/** Where x lies on the surface. */
export interface Projection {
  /** u = c†(x), `[batch, d]` */
  readonly latent: Tensor;
  /** c(c†(x)), like x. */
  readonly nearest: Tensor;
  /** log λ(u), `[batch]` */
  readonly logFactor: Tensor;
}

type Parameters = TensorsOf<FlowParameters>;

/** Parameters are those of a flow: `layers` of the embedding, and as its `base` the flow of the latent. */
export interface InjectiveFlow extends Density<FlowParameters> {
  readonly latentShape: Shape;
  readonly embedding: readonly Layer[];
  readonly flow: Flow;
  /** u `[batch, d]` to the surface: x `[batch, ...shape]` and log λ(u) `[batch]`. */
  embed(p: Parameters, u: Tensor, given?: Given): { readonly x: Tensor; readonly logFactor: Tensor };
  /** The pseudo-inverse c†, and what c makes of its result. */
  project(p: Parameters, x: Tensor, given?: Given): Projection;
  /** Latents of the flow: `[batch, d]`. */
  forward(p: Parameters, x: Tensor, given?: Given): { readonly y: Tensor };
}

/**
 * A conformal embedding flow.
 *
 * @throws if a layer of the embedding is not conformal, or if the latent is not smaller than a sample.
 */
export function injectiveFlow(options: InjectiveFlowOptions): InjectiveFlow {
  const { shape, latent, context = 0, embedding } = options;
  const { likelihood, reconstruction } = options.weights ?? { likelihood: 1, reconstruction: 100 };
  const size = sizeOf(shape);
  requireEmbedding(embedding, shape, latent);
  const chain = sequence(embedding);
  const flow = options.flow({ shape: [latent], context });
  const base = (p: Parameters): TensorsOf<FlowParameters> => p.base as TensorsOf<FlowParameters>;

  const embed: InjectiveFlow['embed'] = (p, u, given) => {
    const padded = reshape(pad(u, [0, 0], [0, size - latent]), [u.shape[0], ...shape]);
    const { x, logDet } = chain.inverse(p.layers, padded, given);
    return { x, logFactor: mul(1 / size, logDet) };
  };
  const project: InjectiveFlow['project'] = (p, x, given) => {
    const { y } = chain.forward(p.layers, x, given);
    const u = sliceAxis(flattenSamples(y), 1, 0, latent);
    const { x: nearest, logFactor } = embed(p, u, given);
    return { latent: u, nearest, logFactor };
  };
  const densityAt = (p: Parameters, { latent: u, logFactor }: Projection, given?: Given): Tensor =>
    sub(flow.logProb(base(p), u, given), mul(latent, logFactor));

  const model: InjectiveFlow = {
    shape,
    context,
    measure: { kind: 'area', dimension: latent },
    latentShape: flow.latentShape,
    embedding,
    flow,
    init(key) {
      const [embeddingKey, flowKey] = split(key, 2);
      return { layers: chain.init(embeddingKey, { shape, context }), base: flow.init(flowKey) };
    },
    embed,
    project,
    forward: (p, x, given) => flow.forward(base(p), project(p, x, given).latent, given),
    logProb: (p, x, given) => densityAt(p, project(p, x, given), given),
    draw: (key, n) => flow.draw(key, n),
    sample: (p, rows, given) => embed(p, flow.sample(base(p), rows, given), given).x,
    async fit({ from, ...fitOptions }) {
      const { x: first, ...beside } = firstBatch(fitOptions);
      const choice = runOptionsOf(fitOptions);
      const calibrated = (p: FlowParameters, stage: Stage): Promise<FlowParameters> =>
        calibrateAll(p, first, { stage, beside, choice });
      const initial = await calibrated(from ?? model.init(seedKey(fitOptions.seed)), 'start');
      const loss =
        (mode: Mode) =>
        (p: TensorsOf<FlowParameters>, { x, ...others }: Record<string, Tensor>): Tensor => {
          const given = { ...others, ...mode };
          const at = project(p, x, given);
          const off = mean(square(flattenSamples(sub(x, at.nearest))), 1);
          return add(mul(-likelihood, densityAt(p, at, given)), mul(reconstruction, off));
        };
      const result = await train<FlowParameters>({
        ...fitOptions,
        init: () => initial,
        explain: explainStep(model, choice),
        loss: loss(STEP),
        metric: loss(VALIDATION),
      });
      return settled(result, (p) => calibrated(p, 'end'));
    },
  };
  /** Layers that look at data, of the embedding and then of the flow of the latent. */
  const calibrateAll = async (
    p: FlowParameters,
    x: NDArray,
    {
      stage,
      beside,
      choice,
    }: { readonly stage: Stage; readonly beside: Beside; readonly choice: RunOptions },
  ): Promise<FlowParameters> => {
    const embedded = await calibrate({ layers: embedding }, p, x, stage, beside, choice);
    const { u } = await mapRows(
      (q, { x: rows, ...given }) => ({ u: project(q, rows, given).latent }),
      embedded,
      { x, ...present(beside) },
      choice,
    );
    const inner = await calibrate(flow, p.base as FlowParameters, u, stage, beside, choice);
    return { ...embedded, base: inner };
  };
  return model;
}

/** The points c(c†(x)) on the surface, like x `[n, ...shape]`. */
export async function nearestOnSurface(
  flow: InjectiveFlow,
  parameters: FlowParameters,
  x: NDArray,
  options: RunOptions = {},
): Promise<NDArray> {
  const { nearest } = await mapRows(
    (p, { x: rows }) => ({ nearest: flow.project(p, rows).nearest }),
    parameters,
    { x },
    options,
  );
  return nearest;
}

/** Squared distance of x to the surface by way of c†: `[batch]`. */
export const squaredDistanceToSurface = (
  flow: InjectiveFlow,
  p: Parameters,
  x: Tensor,
  given?: Given,
): Tensor => sum(square(flattenSamples(sub(x, flow.project(p, x, given).nearest))), 1);

function requireEmbedding(embedding: readonly Layer[], shape: Shape, latent: number): void {
  const size = sizeOf(shape);
  if (!Number.isInteger(latent) || latent < 1 || latent >= size) {
    throw new Error(
      `injective flow: a latent of ${latent} numbers for samples ${showShape(shape)}; expected 1 to ${size - 1}`,
    );
  }
  const other = embedding.find((layer) => !layer.conformal);
  if (other) {
    throw new Error(
      `injective flow: layer '${other.name}' is not conformal; expected orthogonal, permutation, scale-shift, mobius, special-conformal or householder-convolution`,
    );
  }
}
