/** Training of flows, and their likelihoods in bits. */
import { mean, neg, sub, type NDArray, type Tensor } from '../tensor/index.ts';
import { train, type TrainResult } from '../nn/index.ts';
import { key } from '../tensor/random.ts';
import type { Density, FitOptions, FlowSplit } from './density.ts';
import { explainStep } from './failures.ts';
import type { Flow, FlowParameters } from './flow.ts';
import { STEP, VALIDATION, type Given, type Mode, type TensorsOf } from './layer.ts';
import { calibrate, type RunOptions } from './run.ts';

/** Trains a model by maximum likelihood; what that takes, each kind of model says itself. */
export const fit = <P>(model: Density<P>, options: FitOptions<P>): Promise<TrainResult<P>> =>
  model.fit(options);

/**
 * Maximum likelihood of one flow: minimises the mean of −log p(x), in nats. Layers that begin at statistics of the data are set to them
 * first, and those that end with them last, from at most 4096 samples.
 *
 * While batch norm trains it has no statistics but those of each batch, so it is validated, and the best epoch chosen, with those of each
 * validation batch too; the parameters that come back hold the statistics of the training samples. Continuous layers train in few steps and are
 * validated in more: a network learns where few steps overstate its likelihood, and the validation must not.
 *
 * @throws as `train` does; where a number is not finite the error names the layer, the step and the sample; where only the gradient is not, those
 * of the largest number before it.
 */
export async function fitFlow(
  flow: Flow,
  { from, ...options }: FitOptions<FlowParameters>,
): Promise<TrainResult<FlowParameters>> {
  const choice = runOptionsOf(options);
  const { x, ...beside } = firstBatch(options);
  const initial = await calibrate(flow, from ?? flow.init(key(options.seed)), x, 'start', beside, choice);
  const nll =
    (mode: Mode) =>
    (p: TensorsOf<FlowParameters>, batch: Record<string, Tensor>): Tensor => {
      const { x: samples, ...given } = batch;
      return neg(flow.logProb(p, samples, { ...(given as Given), ...mode }));
    };
  const [loss, metric] = [nll(STEP), nll(VALIDATION)];
  const explain = explainStep(flow, choice);
  const result = await train<FlowParameters>({ ...options, init: () => initial, loss, metric, explain });
  return settled(result, (p) => calibrate(flow, p, x, 'end', beside, choice));
}

/** A result whose layers look at data a last time. */
export async function settled<P>(
  result: TrainResult<P>,
  finish: (parameters: P) => Promise<P>,
): Promise<TrainResult<P>> {
  return {
    ...result,
    parameters: await finish(result.parameters),
    best: result.best && { ...result.best, parameters: await finish(result.best.parameters) },
  };
}

/** The engine of a training, for passes beside it. */
export const runOptionsOf = ({
  engine,
  threads,
}: Pick<FitOptions<never>, 'engine' | 'threads'>): RunOptions => ({
  ...(engine && { engine }),
  ...(threads !== undefined && { threads }),
});

/** At most 4096 training samples as a step sees them, for layers that begin at statistics of the data. */
export function firstBatch({
  data,
  augment,
  seed,
}: Pick<FitOptions<never>, 'data' | 'augment' | 'seed'>): FlowSplit {
  const first = firstRows(data.train, 4096);
  return augment ? (augment(first, key(seed)) as FlowSplit) : first;
}

function firstRows(split: FlowSplit, most: number): { x: NDArray } & Record<string, NDArray> {
  const rows = Object.entries(split).map(([name, { data, shape, dtype }]) => {
    const n = Math.min(shape[0], most);
    return [
      name,
      { data: data.slice(0, (data.length / shape[0]) * n), shape: [n, ...shape.slice(1)], dtype },
    ];
  });
  return Object.fromEntries(rows) as { x: NDArray } & Record<string, NDArray>;
}

/**
 * KL(q ‖ p) of the flow q to an unnormalised log density, up to the density's constant: the mean of log q(x) − log p̃(x) over samples
 * x of the flow (Rezende & Mohamed 2015). `rows` come from `flow.draw`; differentiable in the parameters. For a step of a training pass `STEP`
 * in `given`.
 */
export function reverseKl(
  flow: Flow,
  logDensity: (x: Tensor) => Tensor,
  p: TensorsOf<FlowParameters>,
  rows: Tensor,
  given?: Given,
): Tensor {
  const z = flow.base.transport(p.base, rows, flow.latentShape, given);
  const { x, logDet } = flow.inverse(p, z, given);
  const logQ = sub(flow.base.logProb(p.base, z, given), logDet);
  return mean(sub(logQ, logDensity(x)));
}

/**
 * Bits per dimension from a negative log-likelihood in nats of data that were scaled to [0, 1): nll / (d ln 2) + log₂ of the number
 * of levels they had before. For data left in [0, 2^K), `levels` is 1: the density's unit is then a level already.
 */
export const bitsPerDimension = (
  nll: number,
  { dimensions, levels = 256 }: { readonly dimensions: number; readonly levels?: number },
): number => nll / (dimensions * Math.LN2) + Math.log2(levels);
