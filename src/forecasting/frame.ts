/**
 * What a network is given and what it answers. Networks want numbers near one; counts per inhabitant lie between 1e-6 and 0.2. The
 * scales are measured on the training windows alone.
 *   `counts`      the network answers the counts themselves, each quantity divided by its size: as published.
 *   `correction`  the network sees the history relative to its last day and answers what the straight line of the last seven days
 *                 misses, each quantity divided by the size of that: with an answer of zero it is the baseline `slope`.
 */
import { add, broadcastTo, constant, div, mul, sliceAxis, sub, type Tensor } from '../tensor/index.ts';
import { slope, SLOPE_DAYS } from './baselines.ts';
import type { Forecaster, ForecastShape } from './forecaster.ts';

export const forecastTargets = ['counts', 'correction'] as const;
export type ForecastTarget = (typeof forecastTargets)[number];

/** Root mean squares of each quantity [quantities] over training windows, in counts per inhabitant. */
export interface Scales {
  readonly counts: Float64Array;
  /** Of the history relative to its last day. */
  readonly rise: Float64Array;
  /** Of what the line of the last seven days misses. */
  readonly miss: Float64Array;
}

/** Root mean square of each column of [..., columns]; 1 where it is zero, so that it can divide. */
export function rootMeanSquares(values: Float64Array, columns: number): Float64Array {
  const squares = new Float64Array(columns);
  for (let i = 0; i < values.length; i++) squares[i % columns] += values[i] ** 2;
  return squares.map((sum) => Math.sqrt((sum * columns) / values.length) || 1);
}

/** Scales of training windows history [n, history, states, quantities] and future [n, horizon, states, quantities]. */
export function scalesOf(history: Float64Array, future: Float64Array, shape: ForecastShape): Scales {
  const { quantities } = shape;
  const width = shape.states * quantities;
  const span = shape.history * width;
  const rise = history.map(
    (value, i) => value - history[Math.floor(i / span) * span + span - width + (i % width)],
  );
  const line = slope.predict(history, shape);
  return {
    counts: rootMeanSquares(history, quantities),
    rise: rootMeanSquares(rise, quantities),
    miss: rootMeanSquares(
      future.map((value, i) => value - line[i]),
      quantities,
    ),
  };
}

/** The network as a map of counts per inhabitant, history to forecast. */
export function inFrame<P>(network: Forecaster<P>, target: ForecastTarget, scales: Scales): Forecaster<P> {
  const scale = (values: Float64Array): Tensor => constant(values);
  if (target === 'counts') {
    return {
      ...network,
      apply: (parameters, history) =>
        mul(network.apply(parameters, div(history, scale(scales.counts))), scale(scales.counts)),
    };
  }
  const { history: seen, horizon } = network.shape;
  return {
    ...network,
    apply: (parameters, history) => {
      const last = sliceAxis(history, 1, seen - 1);
      const answer = network.apply(parameters, div(sub(history, last), scale(scales.rise)));
      const increment = div(
        sub(last, sliceAxis(history, 1, seen - 1 - SLOPE_DAYS, seen - SLOPE_DAYS)),
        SLOPE_DAYS,
      );
      const ahead = constant(
        Float64Array.from({ length: horizon }, (_, h) => h + 1),
        [1, horizon, 1, 1],
      );
      const line = add(broadcastTo(last, answer.shape), mul(increment, ahead));
      return add(line, mul(answer, scale(scales.miss)));
    },
  };
}
