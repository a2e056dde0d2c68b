/** Forecasts without parameters or training: what a fool would predict, and hard to beat. In float64. */
import type { ForecastShape } from './forecaster.ts';

export interface ForecastBaseline {
  readonly name: string;
  readonly title: string;
  /** Cumulative counts history [n, history, states, quantities] → [n, horizon, states, quantities]. */
  predict(history: Float64Array, shape: ForecastShape): Float64Array;
}

/** Days whose mean increment `slope` goes on with: a whole week, so that the weekly cycle of reporting cancels. */
export const SLOPE_DAYS = 7;

/** last day + (h + 1) · rate of change, for the days h = 0, 1, … of the horizon. */
const line =
  (days: number) =>
  (history: Float64Array, shape: ForecastShape): Float64Array => {
    const width = shape.states * shape.quantities;
    const n = history.length / (shape.history * width);
    if (!Number.isInteger(n))
      throw new Error(
        `a history of ${history.length} numbers, expected windows of ${shape.history} days × ${width}`,
      );
    const forecast = new Float64Array(n * shape.horizon * width);
    for (let i = 0; i < n; i++) {
      const last = (i * shape.history + shape.history - 1) * width;
      for (let j = 0; j < width; j++) {
        const rate = days === 0 ? 0 : (history[last + j] - history[last - days * width + j]) / days;
        for (let h = 0; h < shape.horizon; h++)
          forecast[(i * shape.horizon + h) * width + j] = history[last + j] + (h + 1) * rate;
      }
    }
    return forecast;
  };

export const persistence: ForecastBaseline = {
  name: 'persistence',
  title: 'the last day goes on',
  predict: line(0),
};

export const slope: ForecastBaseline = {
  name: 'slope',
  title: 'the mean increment of the last 7 days goes on',
  predict: line(SLOPE_DAYS),
};

export const forecastBaselines: readonly ForecastBaseline[] = [persistence, slope];
