/** How wrong a forecast is, in persons and relatively. */
import { relativeL2 } from '../nn/index.ts';
import { add, div, sliceAxis, type Tensor } from '../tensor/index.ts';

/** Mean absolute error of each quantity over windows, days and states, of [..., quantities] in persons. */
export function meanAbsoluteErrors(
  prediction: ArrayLike<number>,
  truth: ArrayLike<number>,
  quantities: number,
): Float64Array {
  const sums = new Float64Array(quantities);
  for (let i = 0; i < truth.length; i++) sums[i % quantities] += Math.abs(prediction[i] - truth[i]);
  return sums.map((sum) => (sum * quantities) / truth.length);
}

/**
 * What a training lowers:
 *   `field`     the relative L2 error of all states and quantities together, as published. Confirmed counts are fifty times the deaths
 *               and outweigh them.
 *   `balanced`  the mean of the relative L2 errors of the quantities.
 */
export const forecastLosses = ['field', 'balanced'] as const;
export type ForecastLoss = (typeof forecastLosses)[number];

/** Loss of each window [batch] of a forecast [batch, horizon, states, quantities]. */
export function forecastLoss(kind: ForecastLoss, prediction: Tensor, truth: Tensor): Tensor {
  if (kind === 'field') return relativeL2(prediction, truth, { reduction: 'none' });
  const quantities = truth.shape[3];
  const one = (x: Tensor, q: number): Tensor => sliceAxis(x, 3, q, q + 1);
  const losses = Array.from({ length: quantities }, (_, q) =>
    relativeL2(one(prediction, q), one(truth, q), { reduction: 'none' }),
  );
  return div(
    losses.reduce((total, loss) => add(total, loss)),
    quantities,
  );
}
