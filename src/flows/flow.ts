/** A flow: layers from data to latent, and the distribution of the latent. All functions are pure; run.ts runs them on arrays. */
import { add, type Shape, type Tensor } from '../tensor/index.ts';
import { split } from '../tensor/random.ts';
import type { Base } from './bases/base.ts';
import { normal } from './bases/independent.ts';
import { sequence } from './compose.ts';
import type { Density } from './density.ts';
import { fitFlow } from './fit.ts';
import type { Forward, Given, Inverse, Layer, TensorsOf } from './layer.ts';

export interface FlowOptions {
  /** Of one sample. */
  readonly shape: Shape;
  /** Length of the conditioning vector; default 0, none. */
  readonly context?: number;
  /** From data to latent. */
  readonly layers: readonly Layer[];
  /** Default: the standard normal. */
  readonly base?: Base;
}

export interface FlowParameters {
  readonly layers: readonly unknown[];
  readonly base: unknown;
}

export interface Flow extends Density<FlowParameters> {
  readonly latentShape: Shape;
  readonly layers: readonly Layer[];
  readonly base: Base;
  /** Data x `[batch, ...shape]` to latent; logDet is log |det ∂z/∂x|. */
  forward(p: TensorsOf<FlowParameters>, x: Tensor, given?: Given): Forward;
  /** Latent to data; logDet is log |det ∂x/∂z|. */
  inverse(p: TensorsOf<FlowParameters>, z: Tensor, given?: Given): Inverse;
}

/**
 * A flow of layers and a base.
 *
 * @throws if a layer cannot take the shape that reaches it.
 */
export function flow({ shape, context = 0, layers, base = normal.create() }: FlowOptions): Flow {
  const chain = sequence(layers);
  const latentShape = chain.outputShape(shape);
  const forward: Flow['forward'] = (p, x, given) => chain.forward(p.layers, x, given);
  const inverse: Flow['inverse'] = (p, z, given) => chain.inverse(p.layers, z, given);
  const whole: Flow = {
    shape,
    context,
    measure: { kind: 'volume' },
    latentShape,
    layers,
    base,
    init(key) {
      const [layerKey, baseKey] = split(key, 2);
      return {
        layers: chain.init(layerKey, { shape, context }),
        base: base.init(baseKey, latentShape),
      };
    },
    forward,
    inverse,
    // log p(x) = log q(f(x)) + log |det ∂f/∂x|
    logProb(p, x, given) {
      const { y, logDet } = forward(p, x, given);
      return add(base.logProb(p.base, y, given), logDet);
    },
    draw: (key, n) => base.draw(key, n, latentShape),
    sample: (p, rows, given) => inverse(p, base.transport(p.base, rows, latentShape, given), given).x,
    fit: (options) => fitFlow(whole, options),
  };
  return whole;
}

/** Whether a density is one flow, with maps in both directions. */
export const isFlow = (model: Density): model is Flow => 'forward' in model && 'inverse' in model;
