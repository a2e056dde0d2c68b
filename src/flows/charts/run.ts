/** Flows over charts on arrays: both densities, the leak, and latents by three kinds of inference. */
import {
  add,
  argMax,
  array,
  indicator,
  logSumExp,
  matmul,
  mul,
  neg,
  oneHot,
  reshape,
  select,
  softmax,
  sub,
  sum,
  type NDArray,
  type Tensor,
} from '../../tensor/index.ts';
import { key as seedKey, uniform } from '../../tensor/random.ts';
import { chosenComponent } from '../bases/gaussian.ts';
import { mapRows, present, type Beside, type RunOptions } from '../run.ts';
import { flattenSamples } from '../samples.ts';
import { encode } from './autoencoder.ts';
import type { ChartFlow, ChartFlowParameters } from './chartFlow.ts';
import { squaredDistances } from './voronoi.ts';

export interface ChartLogProb {
  /** log Σ_k p_k p(x | k), `[n]`: the normalised density, which `sample` draws from. */
  readonly mixture: NDArray;
  /** The sum over the charts of x only, `[n]`: sub-normalised, nowhere above the mixture. */
  readonly chart: NDArray;
  /** m(x), `[n]`: in how many charts x is. */
  readonly charts: NDArray;
}

/** Both log densities of x `[n, ...shape]`, in nats. */
export async function chartLogProb(
  model: ChartFlow,
  parameters: ChartFlowParameters,
  x: NDArray,
  beside: Beside = {},
  options: RunOptions = {},
): Promise<ChartLogProb> {
  const { mixture, chart, charts } = await mapRows(
    (p, { x: rows, ...given }) => {
      const joint = model.jointLogProb(p, rows, given);
      const member = model.membership(p.charts, rows);
      return {
        mixture: logSumExp(joint, 1),
        chart: logSumExp(select(member, joint, Number.NEGATIVE_INFINITY), 1),
        charts: sum(indicator(member), 1),
      };
    },
    parameters,
    { x, ...present(beside) },
    options,
  );
  return { mixture, chart, charts };
}

/** The leak: the part of n samples that lie outside the chart they were drawn from. */
export async function leak(
  model: ChartFlow,
  parameters: ChartFlowParameters,
  { n, seed, ...beside }: Beside & { readonly n: number; readonly seed: number },
  options: RunOptions = {},
): Promise<number> {
  const { inside } = await mapRows(
    (p, { rows, ...given }) => {
      const { x, chart } = model.sampleWithChart(p, rows, given);
      return { inside: sum(mul(chart, indicator(model.membership(p.charts, x))), 1) };
    },
    parameters,
    { rows: model.draw(seedKey(seed), n), ...present(beside) },
    options,
  );
  return 1 - (inside.data as Float64Array).reduce((a, b) => a + b, 0) / n;
}

/**
 * The points c(c†(x)), like x, on the surface of the chart whose centre is nearest to the code of x.
 *
 * @throws if the flow of the charts is no conformal embedding flow.
 */
export async function nearestOnCharts(
  model: ChartFlow,
  parameters: ChartFlowParameters,
  x: NDArray,
  options: RunOptions = {},
): Promise<NDArray> {
  const { flow } = model;
  if (!('embedding' in flow)) throw new Error('nearestOnCharts: the flow of the charts embeds no surface');
  const { nearest } = await mapRows(
    (p, { x: rows }) => {
      const { centres, origins, autoencoder } = p.charts;
      const samples = flattenSamples(rows);
      const away = squaredDistances(encode(autoencoder, samples), centres);
      const chart = oneHot(argMax(neg(away), 1), centres.shape[0], away.dtype);
      const origin = reshape(matmul(chart, origins), rows.shape);
      const at = flow.project(p.flow, sub(rows, origin), { context: matmul(chart, centres) });
      return { nearest: add(at.nearest, origin) };
    },
    parameters,
    { x },
    options,
  );
  return nearest;
}

/** z of a chart drawn from p(k | x), the mean of z over p(k | x), or z of the most probable chart. */
export type Inference = 'stochastic' | 'expected' | 'most-probable';

/**
 * Latents z of x `[n, ...shape]`: `[n, ...latentShape]`, and the weight of each chart in them, `[n, K]`. p(k | x) is that of the
 * mixture, p_k p(x | k) / p(x).
 */
export async function toChartLatent(
  model: ChartFlow,
  parameters: ChartFlowParameters,
  x: NDArray,
  { inference, seed = 0, ...beside }: Beside & { readonly inference: Inference; readonly seed?: number },
  options: RunOptions = {},
): Promise<{ readonly z: NDArray; readonly weights: NDArray }> {
  const [n] = x.shape;
  const { z, weights } = await mapRows(
    (p, { x: rows, choice, ...given }) => {
      const joint = model.jointLogProb(p, rows, given);
      const logPosterior = sub(joint, logSumExp(joint, 1, { keepDims: true }));
      const chosen = weightsOf[inference](logPosterior, choice);
      const all = model.latents(p, rows, given);
      const weight = reshape(chosen, [...chosen.shape, ...all.shape.slice(2).map(() => 1)]);
      return { z: sum(mul(weight, all), 1), weights: chosen };
    },
    parameters,
    { x, choice: array(uniform(seedKey(seed), n), [n, 1]), ...present(beside) },
    options,
  );
  return { z, weights };
}

/** How much each chart counts, `[n, K]`, from log p(k | x) and a uniform number `[n, 1]`. */
const weightsOf: Record<Inference, (logPosterior: Tensor, choice: Tensor) => Tensor> = {
  stochastic: (logPosterior, choice) => chosenComponent(logPosterior, choice),
  expected: (logPosterior) => softmax(logPosterior),
  'most-probable': (logPosterior) =>
    oneHot(argMax(logPosterior, 1), logPosterior.shape[1], logPosterior.dtype),
};
