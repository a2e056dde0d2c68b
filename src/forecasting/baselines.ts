/** Forecasts that a network has to beat, in float64, and the two of them that any fool would make. */
import type { ForecastShape } from './forecaster.ts';

/** Cumulative counts in persons, of some windows. */
export interface ForecastWindows {
  /** [n, history, states, quantities] */
  readonly history: Float64Array;
  /** [n, horizon, states, quantities] */
  readonly future: Float64Array;
}

export interface ForecastBaseline {
  readonly name: string;
  readonly title: string;
  /** The forecast with what it takes from training windows; what is to be chosen is chosen on validation windows. */
  fit(
    windows: { readonly train: ForecastWindows; readonly validation: ForecastWindows },
    shape: ForecastShape,
  ): FittedForecast;
}

export interface FittedForecast {
  /** Cumulative counts history [n, history, states, quantities] → [n, horizon, states, quantities]. */
  readonly predict: (history: Float64Array) => Float64Array;
  /** How many numbers were fitted. */
  readonly parameters: number;
  /** What was chosen on validation windows, by name: one number for each quantity. */
  readonly chosen: Readonly<Record<string, readonly number[]>>;
}

/** A forecast without parameters. */
export interface FixedForecast extends ForecastBaseline {
  predict(history: Float64Array, shape: ForecastShape): Float64Array;
}

const fixed = (name: string, title: string, predict: FixedForecast['predict']): FixedForecast => ({
  name,
  title,
  predict,
  fit: (_, shape) => ({ predict: (history) => predict(history, shape), parameters: 0, chosen: {} }),
});

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

export const persistence = fixed('persistence', 'the last day goes on', line(0));

export const slope = fixed('slope', 'the mean increment of the last 7 days goes on', line(SLOPE_DAYS));

export const fixedForecasts: readonly FixedForecast[] = [persistence, slope];
