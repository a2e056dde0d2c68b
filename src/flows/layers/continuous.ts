/**
 * Continuous flows (Chen, Rubanova, Bettencourt & Duvenaud 2018; Grathwohl et al. 2019, FFJORD): samples follow dx/dt = f(x, t) from data
 * at t = 0 to latent at t = 1, and
 *
 *   log |det ∂x(1)/∂x(0)| = ∫₀¹ tr ∂f/∂x dt.
 *
 * Both are integrated together by an explicit Runge–Kutta method of fixed steps, in one program; a training step takes fewer of them than
 * every other pass, `rough`. The trace is exact, from d pull-backs; with
 * `noise` v it is Hutchinson's estimate vᵀ (∂f/∂x) v from one, with the same probe along the whole path.
 */
import { z } from 'zod';
import {
  add,
  broadcastTo,
  concat,
  constant,
  mul,
  reshape,
  sizeOf,
  sum,
  tanh,
  vjp,
  zeros,
  identityMatrix,
  type Tensor,
} from '../../tensor/index.ts';
import { linear, type MlpParameters } from '../../nn/index.ts';
import { initDense, joinContext } from '../conditioner.ts';
import { batchJacobian } from '../jacobian.ts';
import { layer, type Given, type TensorsOf } from '../layer.ts';
import { flattenSamples } from '../samples.ts';

/** Coefficients of an explicit Runge–Kutta method: a stage's row of weights of earlier stages, times, and weights of the sum. */
interface Tableau {
  readonly stages: readonly (readonly number[])[];
  readonly times: readonly number[];
  readonly weights: readonly number[];
}

const tableaus = {
  /** Kutta 1901, order 4. */
  rk4: {
    stages: [[], [1 / 2], [0, 1 / 2], [0, 0, 1]],
    times: [0, 1 / 2, 1 / 2, 1],
    weights: [1 / 6, 1 / 3, 1 / 3, 1 / 6],
  },
  /** Dormand & Prince 1980, order 5; the stage that only serves the error estimate is left out. */
  dopri5: {
    stages: [
      [],
      [1 / 5],
      [3 / 40, 9 / 40],
      [44 / 45, -56 / 15, 32 / 9],
      [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
      [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
    ],
    times: [0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1],
    weights: [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
  },
} satisfies Record<string, Tableau>;

/** Options of the layer, and of models that are nothing but it. */
export const continuousOptions = z.strictObject({
  hidden: z.array(z.int().positive()).min(1).default([64, 64]),
  method: z.enum(['rk4', 'dopri5']).default('rk4'),
  /** Steps from data to latent in a training step. */
  steps: z.int().positive().default(8),
  /** Times as many elsewhere: what is learned in few steps is measured in more, or errors of the steps are learned as likelihood. */
  refinement: z.int().positive().default(4),
});

type ContinuousOptions = z.infer<typeof continuousOptions>;

/** f(x, t): a network with tanh, whose last layer begins at zero. x `[batch, d]`, t a number or `[batch, 1]`. */
export function velocity(
  network: TensorsOf<MlpParameters>,
  x: Tensor,
  t: number | Tensor,
  context: Tensor | undefined,
): Tensor {
  const time = typeof t === 'number' ? broadcastTo(constant([t], [1, 1]), [x.shape[0], 1]) : t;
  const inputs = joinContext(concat([x, time], 1), context, network[0].weight.shape[0]);
  return network.reduce((h, part, i) => {
    const affine = linear.apply(part, h);
    return i === network.length - 1 ? affine : tanh(affine);
  }, inputs);
}

interface State {
  readonly x: Tensor;
  /** `[batch]` */
  readonly logDet: Tensor;
}

/** dx/dt and the divergence. */
function slope(network: TensorsOf<MlpParameters>, x: Tensor, t: number, { context, noise }: Given): State {
  const f = (at: Tensor): Tensor => velocity(network, at, t, context);
  if (noise) {
    const probe = flattenSamples(noise);
    const [value, pull] = vjp(f, x);
    return { x: value, logDet: sum(mul(pull(probe)[0], probe), 1) };
  }
  const { value, jacobian } = batchJacobian(f, x);
  return { x: value, logDet: sum(mul(jacobian, identityMatrix(x.shape[1])), [1, 2]) };
}

/** x at `to`, from x at `from`, and the integral of the divergence between them. */
function integrate(
  network: TensorsOf<MlpParameters>,
  start: Tensor,
  [from, to]: readonly [number, number],
  { options, ...given }: Given & { readonly options: ContinuousOptions },
): State {
  const { method } = options;
  const steps = given.rough ? options.steps : options.steps * options.refinement;
  const { stages, times, weights }: Tableau = tableaus[method];
  const h = (to - from) / steps;
  let state: State = { x: start, logDet: zeros([start.shape[0]], start.dtype) };
  for (let step = 0; step < steps; step++) {
    const slopes: State[] = [];
    const moved = (quantity: keyof State, factors: readonly number[]): Tensor =>
      factors.reduce(
        (total: Tensor, factor, i) =>
          factor === 0 ? total : add(total, mul(h * factor, slopes[i][quantity])),
        state[quantity],
      );
    stages.forEach((row, i) =>
      slopes.push(slope(network, moved('x', row), from + h * (step + times[i]), given)),
    );
    state = { x: moved('x', weights), logDet: moved('logDet', weights) };
  }
  return state;
}

export const continuous = layer('continuous', {
  title: 'Continuous',
  source: 'Chen et al. 2018; Grathwohl et al. 2019 (FFJORD)',
  options: continuousOptions,
  inverseBy: 'integration',
  examples: [
    { shape: [1], options: { hidden: [6], steps: 16, refinement: 1 } },
    { shape: [2], options: { hidden: [8], method: 'dopri5', steps: 6, refinement: 1 } },
    { shape: [3], options: { hidden: [8], method: 'dopri5', steps: 6, refinement: 1 }, context: 2 },
    { shape: [1, 2, 1], options: { hidden: [6], steps: 4 } },
  ],
  init(key, { shape, context }, { hidden }): MlpParameters {
    const d = sizeOf(shape);
    return initDense(key, d + 1 + context, d, hidden);
  },
  forward(p, x, call) {
    const { x: y, logDet } = integrate(p, flattenSamples(x), [0, 1], call);
    return { y: reshape(y, x.shape), logDet };
  },
  inverse(p, y, call) {
    const { x, logDet } = integrate(p, flattenSamples(y), [1, 0], call);
    return { x: reshape(x, y.shape), logDet };
  },
});
