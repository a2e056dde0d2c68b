/** A trained neural operator as its job left it: to be evaluated on any grid, applied to new functions, or exported. */
import path from 'node:path';
import type { LoadContext } from '../../datasets/dataset.ts';
import type { OperatorPairs } from '../../datasets/pairs.ts';
import { predict } from '../nn/evaluate.ts';
import { exportModel } from '../nn/export.ts';
import { loadParameters } from '../nn/files.ts';
import type { Operator } from '../operators/operator.ts';
import type { Run } from '../runs/index.ts';
import type { Tensor } from '../tensor/index.ts';
import { key } from '../tensor/random.ts';
import type { ExportedModel } from './experiment.ts';
import { fields } from './operatorTask.ts';

export type Checkpoint = 'last' | 'best';

export interface TrainedOperator {
  readonly operator: Operator;
  readonly parameters: unknown;
  /** Points of the grid it was trained on. */
  readonly resolution: number;
  /** The file of one's own that it was trained on, or null. */
  readonly file: string | null;
  /** The pairs it was trained and tested with, on a grid of so many points. @throws if there are none on such a grid. */
  pairsAt(points: number, context: LoadContext): Promise<OperatorPairs>;
}

/**
 * The parameters of a job's operator.
 *
 * @throws if the run has no such checkpoint, or it is damaged.
 */
export async function operatorParameters(operator: Operator, run: Run, which: Checkpoint): Promise<unknown> {
  const file = path.join(run.checkpoints, `${which}.safetensors`);
  return (await loadParameters(file, operator.init(key(run.config.seed)))).parameters;
}

const applyOf =
  ({ operator }: Pick<TrainedOperator, 'operator'>) =>
  (p: unknown, u: Tensor): Tensor =>
    operator.apply(p, u);

export interface ApplyOptions {
  /** Functions in one pass. */
  readonly batchSize: number;
  readonly threads?: number;
  readonly signal?: AbortSignal;
  /** Take a grid of m times as many points as the operator was trained on as m interleaved grids, each by itself. */
  readonly interleaved?: boolean;
}

/**
 * What the operator makes of functions `[n · points]`, row by row: `[n · points]`.
 *
 * @throws if it cannot be evaluated on a grid of so many points, in the way asked for.
 */
export async function applyOperator(
  trained: Pick<TrainedOperator, 'operator' | 'parameters' | 'resolution'>,
  inputs: Float32Array,
  points: number,
  { interleaved = false, ...options }: ApplyOptions,
): Promise<Float32Array> {
  requireGrid(trained, points, interleaved);
  const own = interleaved ? trained.resolution : points;
  const rows = fields(interleave(inputs, points, own), { count: inputs.length / own });
  const { data } = await predict(applyOf(trained), trained.parameters, rows, options);
  return interleave(Float32Array.from(data), points, points / own);
}

/** @throws one sentence if the operator cannot be evaluated on a grid of so many points. */
export function requireGrid(
  { operator, resolution }: Pick<TrainedOperator, 'operator' | 'resolution'>,
  points: number,
  interleaved: boolean,
): void {
  if (!interleaved) operator.checkResolution(points);
  else if (points % resolution !== 0)
    throw new Error(`got ${points}, expected a multiple of the ${resolution} points of the training`);
}

/**
 * What has to be known of the grids of so many points that an operator is evaluated on: one sentence where it uses levels that
 * its training never reached, else null. Interleaved grids have the levels of the training.
 */
export function untrainedLevels(
  { operator, resolution }: Pick<TrainedOperator, 'operator' | 'resolution'>,
  grids: readonly number[],
  interleaved: boolean,
): string | null {
  const own = operator.levels(resolution);
  const beyond = interleaved ? [] : grids.filter((points) => operator.levels(points) > own);
  if (!beyond.length) return null;
  const used = beyond.map((points) => `${operator.levels(points)} on ${points} points`).join(', ');
  return `${operator.name} was trained with the ${own} levels of ${resolution} points and uses more here (${used}), which no training reached: errors may be many times as large; add --interleaved, or train on the finer grid`;
}

/** Rows of `points` numbers, each as its interleaved parts of `length` numbers one after the other; back with points / length. */
function interleave(values: Float32Array, points: number, length: number): Float32Array {
  const parts = points / length;
  return values.map((_, at) => {
    const j = at % points;
    return values[at - j + (j % length) * parts + Math.floor(j / length)];
  });
}

/** The operator as the bytes of an ONNX model: input [batch, s, 1], output [batch, s, 1]. */
export function exportOperator(
  trained: Pick<TrainedOperator, 'operator' | 'parameters' | 'resolution'>,
  { checkpoint, batchSize }: { readonly checkpoint: Checkpoint; readonly batchSize: number },
): ExportedModel {
  const inputShape = [trained.resolution, 1];
  const shape = `[${[batchSize, ...inputShape].join(', ')}]`;
  return {
    bytes: exportModel(applyOf(trained), trained.parameters, { inputShape, batchSize }),
    signature: `input ${shape} → output ${shape}`,
    checkpoint,
  };
}
