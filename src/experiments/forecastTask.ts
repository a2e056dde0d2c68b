/** Training a forecaster on windows of counts and measuring it: on the test windows, in persons, with conformal intervals. */
import { performance } from 'node:perf_hooks';
import { npy } from '../../datasets/npy.ts';
import { dayNumber } from '../../datasets/covid/table.ts';
import type { EpidemicSeries } from '../../datasets/covid/task.ts';
import {
  cutWindows,
  HISTORY,
  HORIZON,
  windowRoles,
  type Windows,
  type WindowRole,
  type WindowSplit,
} from '../../datasets/covid/windows.ts';
import {
  forecastLoss,
  inFrame,
  meanAbsoluteErrors,
  scalesOf,
  type Forecaster,
  type ForecastBaseline,
  type ForecastLoss,
  type ForecastShape,
  type ForecastTarget,
} from '../forecasting/index.ts';
import { countParameters, predictor, train } from '../nn/index.ts';
import type { NDArray, Tensor } from '../tensor/index.ts';
import { conformalBand, coverage } from '../uncertainty/conformal.ts';
import type { JobContext, JobOutput } from './experiment.ts';
import { trainingBy, type TrainingOptions } from './trainingSettings.ts';
import { mean, relativeL2Errors } from './statistics.ts';

const FORECAST_METRIC = 'mean relative L2 error, test windows, last checkpoint';
/** Level of the prediction intervals. */
export const LEVEL = 0.9;

export interface ForecastTraining extends TrainingOptions {
  readonly loss: ForecastLoss;
}

/** A series cut by a split, in persons, and what a picture shows of it. */
export interface ForecastProblem {
  readonly series: EpidemicSeries;
  readonly shape: ForecastShape;
  readonly windows: Readonly<Record<WindowRole, Windows>>;
  readonly pictured: { readonly start: number; readonly states: readonly string[] };
}

/** Cuts the windows of a series. The pictured window begins on day `start` of the series. */
export function forecastProblem(
  series: EpidemicSeries,
  split: WindowSplit,
  pictured: ForecastProblem['pictured'],
): ForecastProblem {
  const shape = {
    history: HISTORY,
    horizon: HORIZON,
    states: series.states.length,
    quantities: series.quantities.length,
  };
  const width = shape.states * shape.quantities;
  const windows = Object.fromEntries(
    windowRoles.map((role) => [role, cutWindows(series.counts, width, split[role])]),
  ) as Record<WindowRole, Windows>;
  return { series, shape, windows, pictured };
}

/** Persons to persons per inhabitant, or back, of values [..., states, quantities]. */
function perCapita(values: ArrayLike<number>, { series }: ForecastProblem, direction: 1 | -1): Float64Array {
  const { population, quantities } = series;
  const width = population.length * quantities.length;
  return Float64Array.from(values, (value, i) => {
    const inhabitants = population[Math.floor((i % width) / quantities.length)];
    return direction === 1 ? value / inhabitants : value * inhabitants;
  });
}

/** Forecasts in persons for histories in persons, [n, history, …] → [n, horizon, …]. */
type Predict = (history: Float64Array) => Promise<Float64Array>;

/** Everything that is measured of one forecast; the calibration windows make the intervals, the test windows judge. */
async function measure(problem: ForecastProblem, predict: Predict) {
  const { series, windows, shape, pictured } = problem;
  const { calibration, test } = windows;
  const outputs = shape.horizon * shape.states * shape.quantities;
  const prediction = await predict(test.history);
  const errors = relativeL2Errors(
    perCapita(prediction, problem, 1),
    perCapita(test.future, problem, 1),
    outputs,
  );
  const absolute = meanAbsoluteErrors(prediction, test.future, shape.quantities);
  const band = conformalBand(await predict(calibration.history), calibration.future, {
    outputs,
    level: LEVEL,
  });
  const extra: Record<string, number> = {
    'relative L2': mean(errors),
    coverage: coverage(prediction, test.future, band),
  };
  for (const [q, quantity] of series.quantities.entries()) {
    extra[`MAE ${quantity}`] = absolute[q];
    extra[`half-width ${quantity}`] = mean(band.halfWidth.filter((_, i) => i % shape.quantities === q));
  }
  const width = shape.states * shape.quantities;
  const shown = cutWindows(series.counts, width, [pictured.start]);
  const forecast = await predict(shown.history);
  // The day of the calendar that the pictured forecast begins with.
  const curves: Record<string, number[]> = { day: [dayNumber(series.days[pictured.start + HISTORY])] };
  for (const state of pictured.states) {
    for (const [q, quantity] of series.quantities.entries()) {
      const column = series.states.indexOf(state) * shape.quantities + q;
      const of = (values: Float64Array): number[] =>
        Array.from(values.filter((_, i) => i % width === column));
      Object.assign(curves, {
        [`${state}/${quantity}/history`]: of(shown.history),
        [`${state}/${quantity}/truth`]: of(shown.future),
        [`${state}/${quantity}/forecast`]: of(forecast),
        [`${state}/${quantity}/band`]: of(band.halfWidth),
      });
    }
  }
  return { errors, extra, curves };
}

/** Fits a forecast that is no network and measures it. */
export async function measureForecastBaseline(
  problem: ForecastProblem,
  baseline: ForecastBaseline,
): Promise<JobOutput> {
  const began = performance.now();
  const { predict, parameters, chosen } = baseline.fit(problem.windows, problem.shape);
  const { errors, extra, curves } = await measure(problem, (history) => Promise.resolve(predict(history)));
  for (const [name, values] of Object.entries(chosen))
    for (const [q, quantity] of problem.series.quantities.entries()) extra[`${name} ${quantity}`] = values[q];
  return {
    result: {
      metric: FORECAST_METRIC,
      value: mean(errors),
      best: null,
      parameters,
      seconds: (performance.now() - began) / 1000,
      inferenceMilliseconds: null,
      samples: [],
      extra,
      curves,
    },
    arrays: { error: npy(errors) },
  };
}

/**
 * Trains a forecaster on the training windows (Adam with L2 weight decay, halving steps), chooses the epoch on the validation windows
 * and measures it on the test windows. Continues from the run's checkpoints.
 *
 * @throws the signal's reason when aborted.
 */
export async function trainForecaster(
  network: Forecaster,
  problem: ForecastProblem,
  { target, ...options }: ForecastTraining & { readonly target: ForecastTarget },
  context: JobContext,
): Promise<JobOutput> {
  const { windows, shape } = problem;
  const { signal, engine, threads } = context;
  const { epochs, batchSize, loss } = options;
  const scaled = (values: Float64Array): Float64Array => perCapita(values, problem, 1);
  const scales = scalesOf(scaled(windows.train.history), scaled(windows.train.future), shape);
  const model = inFrame(network, target, scales);
  const split = ({ history, future }: Windows): { u: NDArray; truth: NDArray } => ({
    u: tensorOf(scaled(history), shape.history, shape),
    truth: tensorOf(scaled(future), shape.horizon, shape),
  });
  const trained = await train({
    init: (key) => model.init(key),
    loss: (parameters, { u, truth }: Record<string, Tensor>) =>
      forecastLoss(loss, model.apply(parameters, u), truth),
    data: { train: split(windows.train), validation: split(windows.validation) },
    ...trainingBy(options, context),
  });
  signal.throwIfAborted();
  const best = trained.best ?? { epoch: epochs, validation: NaN, parameters: trained.parameters };

  const inputs = tensorOf(scaled(windows.test.history), shape.history, shape);
  const program = predictor((p, u) => model.apply(p as never, u), trained.parameters, inputs, {
    batchSize,
    engine,
    threads,
  });
  const predictWith =
    (parameters: unknown): Predict =>
    async (history) => {
      const { data } = await program.run(parameters, tensorOf(scaled(history), shape.history, shape));
      return perCapita(data, problem, -1);
    };
  try {
    const last = await measure(problem, predictWith(trained.parameters));
    const chosen = await measure(problem, predictWith(best.parameters));
    const began = performance.now();
    await program.run(best.parameters, inputs);
    const milliseconds = performance.now() - began;
    return {
      result: {
        metric: FORECAST_METRIC,
        value: mean(last.errors),
        best: { epoch: best.epoch, validation: best.validation, value: mean(chosen.errors) },
        parameters: countParameters(trained.parameters),
        seconds: trained.seconds,
        inferenceMilliseconds: milliseconds / windows.test.count,
        samples: [],
        extra: { ...chosen.extra, validation: best.validation },
        curves: chosen.curves,
      },
      arrays: { error: npy(chosen.errors) },
    };
  } finally {
    await program.dispose();
  }
}

/** Values of windows of `days` days as float32 [n, days, states, quantities]. */
function tensorOf(values: Float64Array, days: number, { states, quantities }: ForecastShape): NDArray {
  const n = values.length / (days * states * quantities);
  return { data: Float32Array.from(values), shape: [n, days, states, quantities], dtype: 'float32' };
}
