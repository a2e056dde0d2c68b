/** Layers made of layers. */
import { add, zeros, type NDArray, type Shape, type Tensor } from '../tensor/index.ts';
import { split } from '../tensor/random.ts';
import type { Given, Layer, Pass, Stage } from './layer.ts';
import { product } from './lipschitzConstants.ts';

/** The layers one after the other, from data to latent; logarithms of determinants add up. */
export function sequence(parts: readonly Layer[]): Layer<readonly unknown[]> {
  const through = (shape: Shape): Shape => parts.reduce((s, part) => part.outputShape(s), shape);
  return {
    name: 'sequence',
    options: {},
    support: parts[0]?.support ?? 'reals',
    inverseBy: worstInverse(parts),
    parts,
    ...(parts.some(looksAtData) && {
      calibrate: (p: readonly unknown[], x: NDArray, stage: Stage, pass: Pass) =>
        calibrateChain(parts, p, x, stage, pass),
    }),
    outputShape: through,
    lipschitz: (p) => product(parts.map((part, i) => part.lipschitz(p[i]))),
    inputShape: (shape) => parts.reduceRight((s, part) => part.inputShape(s), shape),
    init(key, { shape, context }) {
      const keys = split(key, parts.length);
      let here = shape;
      return parts.map((part, i) => {
        const parameters = part.init(keys[i], { shape: here, context });
        here = part.outputShape(here);
        return parameters;
      });
    },
    forward(p, x, given) {
      const parameters = p;
      let y = x;
      const terms = parts.map((part, i) => {
        const step = part.forward(parameters[i], y, given);
        y = step.y;
        return step.logDet;
      });
      return { y, logDet: total(terms, x) };
    },
    inverse(p, y, given) {
      const parameters = p;
      let x = y;
      const terms = parts
        .map((part, i) => ({ part, parameters: parameters[i] }))
        .reverse()
        .map(({ part, parameters: own }) => {
          const step = part.inverse(own, x, given);
          x = step.x;
          return step.logDet;
        });
      return { x, logDet: total(terms, y) };
    },
  };
}

/** Whether a layer sets parameters from samples. */
export const looksAtData = (part: Layer): boolean => part.calibrate !== undefined;

async function calibrateChain(
  parts: readonly Layer[],
  p: readonly unknown[],
  x: NDArray,
  stage: Stage,
  pass: Pass,
): Promise<readonly unknown[]> {
  const own = [...p];
  const last = parts.findLastIndex(looksAtData);
  let here = x;
  for (const [i, part] of parts.slice(0, last + 1).entries()) {
    if (part.calibrate) own[i] = await part.calibrate(own[i], here, stage, pass);
    if (i < last) here = await pass(part, own[i], here);
  }
  return own;
}

const total = (terms: readonly Tensor[], x: Tensor): Tensor =>
  terms.length === 0 ? zeros([x.shape[0]], x.dtype) : terms.reduce((sum, term) => add(sum, term));

const order = ['formula', 'iteration', 'integration'] as const;

const worstInverse = (parts: readonly Layer[]): Layer['inverseBy'] =>
  order[Math.max(0, ...parts.map((part) => order.indexOf(part.inverseBy)))];

/** The layer the other way round: inverse autoregressive flow from a masked one, a planar map from latent to data. */
export function inverted<P>(inner: Layer<P>): Layer<P> {
  return {
    name: `inverse-${inner.name}`,
    options: inner.options,
    support: 'reals',
    inverseBy: inner.inverseBy,
    parts: [inner],
    init: (key, { shape, context }) => inner.init(key, { shape: inner.inputShape(shape), context }),
    outputShape: (shape) => inner.inputShape(shape),
    lipschitz(p) {
      const own = inner.lipschitz(p);
      return own && { forward: own.inverse, inverse: own.forward };
    },
    inputShape: (shape) => inner.outputShape(shape),
    forward(p, x, given?: Given) {
      const { x: y, logDet } = inner.inverse(p, x, given);
      return { y, logDet };
    },
    inverse(p, y, given?: Given) {
      const { y: x, logDet } = inner.forward(p, y, given);
      return { x, logDet };
    },
  };
}
