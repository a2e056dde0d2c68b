/** Training of flows over charts: charts first, then the flow of one chart of each sample at a time. */
import { array, cumulativeSum, type NDArray } from '../../tensor/index.ts';
import { foldIn, key as seedKey, uniform, type Key } from '../../tensor/random.ts';
import { mapParameters, type TrainResult } from '../../nn/index.ts';
import type { FitOptions, FlowSplit } from '../density.ts';
import { mapRows, type RunOptions } from '../run.ts';
import type { ChartFlow, ChartFlowParameters, Charts } from './chartFlow.ts';
import { findCharts } from './findCharts.ts';

/**
 * Finds charts (or keeps those of `from`) and minimises the mean of −log p(x | k) over charts k drawn anew for every sample of
 * every batch, k ~ p̃_x: one pass of one flow a sample. By Jensen's inequality this bounds the negative log-likelihood from
 * above, up to Σ_k p̃_x(k) log (p̃_x(k) / p_k), which the flow does not change.
 */
export async function fitCharts(
  model: ChartFlow,
  { from, data, ...options }: FitOptions<ChartFlowParameters>,
): Promise<TrainResult<ChartFlowParameters>> {
  const { engine, threads, seed, signal, augment = (batch) => batch } = options;
  const run: RunOptions = { ...(engine && { engine }), ...(threads !== undefined && { threads }) };
  const charts = from?.charts ?? (await findCharts(model, data.train.x, { ...run, seed, signal }));
  const start = from?.flow;
  const prepared = (split: FlowSplit): Promise<FlowSplit> => withChoices(model, charts, split, run);
  const held = data.validation && (await prepared(data.validation));
  const inOneChart = (batch: Record<string, NDArray>, key: Key): FlowSplit =>
    chooseChart(charts, batch as FlowSplit, key);
  const result = await model.flow.fit({
    ...options,
    ...(start && { from: start }),
    data: {
      train: await prepared(data.train),
      // One choice for the validation samples, the same in every epoch.
      ...(held && { validation: inOneChart(held, foldIn(seedKey(seed), 1)) }),
    },
    augment: (batch, key) => inOneChart(augment(batch, foldIn(key, 0)), foldIn(key, 1)),
  });
  return mapParameters(result, (flow) => ({ charts, flow }));
}

/** The split with the ends, on [0, 1], of the parts that p̃_x gives to the charts: `ends` `[n, K]`. */
async function withChoices(
  model: ChartFlow,
  charts: Charts,
  split: FlowSplit,
  run: RunOptions,
): Promise<FlowSplit> {
  const { ends } = await mapRows(
    (p, { x }) => ({ ends: cumulativeSum(model.shares(p as Charts<never>, x), 1) }),
    charts,
    { x: split.x },
    run,
  );
  return { ...split, ends };
}

/** Each sample less the origin of a chart drawn for it, and the chart's centre before its context. */
function chooseChart(charts: Charts, { x, ends, context, ...rest }: FlowSplit, key: Key): FlowSplit {
  const [n, k] = ends.shape;
  const d = x.data.length / n;
  const e = charts.centres.shape[1];
  const outer = context ? context.shape[1] : 0;
  const u = uniform(key, n);
  const local = new Float32Array(n * d);
  const given = new Float32Array(n * (e + outer));
  for (let i = 0; i < n; i++) {
    let chart = 0;
    while (chart < k - 1 && ends.data[i * k + chart] <= u[i]) chart++;
    for (let j = 0; j < d; j++) local[i * d + j] = x.data[i * d + j] - charts.origins.data[chart * d + j];
    for (let j = 0; j < e; j++) given[i * (e + outer) + j] = charts.centres.data[chart * e + j];
    for (let j = 0; j < outer; j++) given[i * (e + outer) + e + j] = context.data[i * outer + j];
  }
  return { ...rest, x: array(local, x.shape), context: array(given, [n, e + outer]) };
}
