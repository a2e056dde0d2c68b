/**
 * Linear autoregression: what the line of the last seven days misses, as a linear map of the daily increments seen of all quantities
 * of the same state; one map for all states, one row of it for each quantity and day ahead,
 *
 *   forecast_hq = line_hq + Σ_{q', k} w_{hq, q'k} · (increment of q' on day k of the history).
 *
 * No constant is added, so counts of any size are forecast alike. The weights have the least absolute errors in persons on the training
 * windows, which is the error that is reported; their ridge is chosen on the validation windows, for each quantity apart.
 */
import { slope, type ForecastBaseline, type ForecastWindows } from './baselines.ts';
import type { ForecastShape } from './forecaster.ts';
import { rootMeanSquares } from './frame.ts';
import { huberRegression } from './huberRegression.ts';
import { meanAbsoluteErrors } from './metrics.ts';

/** Ridges to choose from, largest first, as each is where the next begins. */
const RIDGES: readonly number[] = [1e-1, 1e-2, 1e-3, 1e-4];
/** Errors below one person are as good as none. */
const THRESHOLD = 1;

export const autoregression: ForecastBaseline = {
  name: 'autoregression',
  title: 'linear in the increments of the days seen, the same for all states, least absolute errors',
  fit({ train, validation }, shape) {
    const { quantities } = shape;
    const inputs = increments(train.history, shape);
    const missed = misses(train, shape);
    const sizes = rootMeanSquares(inputs, featuresOf(shape));
    const scaled = inputs.map((value, i) => value / sizes[i % sizes.length]);
    const candidates: Float64Array[][] = [];
    for (const ridge of RIDGES) {
      const before = candidates.at(-1);
      candidates.push(
        missed.map((y, row) =>
          huberRegression(scaled, y, sizes.length, { threshold: THRESHOLD, ridge, start: before?.[row] }),
        ),
      );
    }
    const errors = candidates.map((rows) =>
      meanAbsoluteErrors(forecast(validation.history, { rows, sizes }, shape), validation.future, quantities),
    );
    const chosen = Array.from({ length: quantities }, (_, q) =>
      errors.reduce((best, candidate, i) => (candidate[q] < errors[best][q] ? i : best), 0),
    );
    const rows = missed.map((_, row) => candidates[chosen[row % quantities]][row]);
    return {
      predict: (history) => forecast(history, { rows, sizes }, shape),
      parameters: rows.length * sizes.length,
      chosen: { ridge: chosen.map((i) => RIDGES[i]) },
    };
  },
};

interface Weights {
  /** A row for each day ahead and quantity, quantity fastest; of [features] each, for features divided by `sizes`. */
  readonly rows: readonly Float64Array[];
  readonly sizes: Float64Array;
}

const featuresOf = ({ history, quantities }: ForecastShape): number => (history - 1) * quantities;

/** [n · states, features]: the increments of a state, quantity fastest, the oldest day first. */
function increments(history: Float64Array, shape: ForecastShape): Float64Array {
  const { states, quantities } = shape;
  const width = states * quantities;
  const n = history.length / (shape.history * width);
  const features = featuresOf(shape);
  const out = new Float64Array(n * states * features);
  for (let i = 0; i < n; i++) {
    for (let day = 1; day < shape.history; day++) {
      const at = (i * shape.history + day) * width;
      for (let j = 0; j < width; j++) {
        const state = Math.floor(j / quantities);
        const feature = (day - 1) * quantities + (j % quantities);
        out[(i * states + state) * features + feature] = history[at + j] - history[at - width + j];
      }
    }
  }
  return out;
}

/** What the line misses: [n · states] for each day ahead and quantity, quantity fastest. */
function misses({ history, future }: ForecastWindows, shape: ForecastShape): Float64Array[] {
  const { horizon, states, quantities } = shape;
  const line = slope.predict(history, shape);
  const n = future.length / (horizon * states * quantities);
  const out = Array.from({ length: horizon * quantities }, () => new Float64Array(n * states));
  for (let i = 0; i < future.length; i++) {
    const q = i % quantities;
    const state = Math.floor(i / quantities) % states;
    const day = Math.floor(i / (quantities * states)) % horizon;
    const window = Math.floor(i / (quantities * states * horizon));
    out[day * quantities + q][window * states + state] = future[i] - line[i];
  }
  return out;
}

/** The line, corrected by the weights: [n, horizon, states, quantities]. */
function forecast(history: Float64Array, { rows, sizes }: Weights, shape: ForecastShape): Float64Array {
  const { horizon, states, quantities } = shape;
  const features = sizes.length;
  const inputs = increments(history, shape);
  const weights = rows.map((row) => row.map((weight, k) => weight / sizes[k]));
  return slope.predict(history, shape).map((line, i) => {
    const q = i % quantities;
    const state = Math.floor(i / quantities) % states;
    const day = Math.floor(i / (quantities * states)) % horizon;
    const window = Math.floor(i / (quantities * states * horizon));
    const from = (window * states + state) * features;
    return weights[day * quantities + q].reduce((sum, weight, k) => sum + weight * inputs[from + k], line);
  });
}
