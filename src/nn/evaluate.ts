/** Forward passes over whole splits: mean of a metric, and predictions. */
import {
  compile,
  isFloat,
  sameShape,
  showShape,
  sizeOf,
  spec,
  specsOf,
  type NDArray,
  type Tensor,
} from '../tensor/index.ts';
import { batchRanges, contiguousBatch, type Split } from './batches.ts';
import { unpackTensors, type Layout, type TensorsOf } from './parameters.ts';
import { breather, programsBySize } from './programs.ts';
import { engineOptions, type EngineChoice } from './step.ts';

/** `[batch]`, one value a sample; or a scalar, the mean over the batch. */
export type Metric<P> = (params: TensorsOf<P>, batch: Record<string, Tensor>) => Tensor;

export interface Evaluator {
  /** Mean of the metric over the samples of the split, at packed parameters `[layout.size]`; null when aborted. */
  run(parameters: NDArray, signal?: AbortSignal): Promise<number | null>;
  dispose(): Promise<void>;
}

/** Evaluates a metric over a split again and again; compiled once for each of the (at most two) batch sizes. */
export function evaluator<P>(
  metric: Metric<P>,
  layout: Layout<P>,
  { arrays, count }: { readonly arrays: Split; readonly count: number },
  { batchSize, ...choice }: EngineChoice & { readonly batchSize: number },
): Evaluator {
  const programs = programsBySize((n) =>
    compile(
      (flat: Tensor, batch: Record<string, Tensor>) => {
        const value = metric(unpackTensors([flat], layout), batch);
        if (value.rank === 0 || sameShape(value.shape, [n])) return value;
        throw new Error(
          `metric: it gave shape ${showShape(value.shape)} for a batch of ${n}, expected [${n}] (one value a sample) or a scalar`,
        );
      },
      [spec([layout.size], 'float32'), specsOf(contiguousBatch(arrays, 0, n))],
      engineOptions(choice),
    ),
  );
  const pause = breather();
  return {
    async run(parameters, signal) {
      let total = 0;
      for (const [start, stop] of batchRanges(count, batchSize)) {
        await pause();
        if (signal?.aborted) return null;
        const program = await programs.get(stop - start);
        const value = await program.run([parameters, contiguousBatch(arrays, start, stop)]);
        if (value.shape.length === 0) total += value.data[0] * (stop - start);
        else for (const x of value.data) total += x;
      }
      return total / count;
    },
    dispose: () => programs.dispose(),
  };
}

export interface PredictOptions extends EngineChoice {
  /** Samples in one pass, default 32. */
  readonly batchSize?: number | undefined;
  /** Ends the work after the batch at hand, with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A model ready to be run again and again. */
export interface Predictor<P> {
  /** apply(params, inputs) for `[n, ...]` inputs, in batches: `[n, ...]`. Params and rows are shaped as those it was made for. */
  run(params: P, inputs: NDArray): Promise<NDArray>;
  dispose(): Promise<void>;
}

/**
 * Prepares apply(params, inputs) for params and inputs of the shapes of those given, of any number of rows; compiled on first
 * use, once for each of the batch sizes that occur.
 *
 * @throws if the inputs are not `[n, ...]`, n ≥ 1; a run throws if a result does not have the batch on axis 0.
 */
export function predictor<P>(
  apply: (params: TensorsOf<P>, inputs: Tensor) => Tensor,
  params: P,
  inputs: NDArray,
  { batchSize = 32, signal, ...choice }: PredictOptions = {},
): Predictor<P> {
  requireCount('predict', 'batchSize', batchSize);
  const [, ...rest] = inputs.shape;
  requireRows(inputs);
  const dtype = isFloat(inputs.dtype) ? null : inputs.dtype;
  const parameterSpecs = specsOf(params);
  const programs = programsBySize((n) =>
    compile(
      (p: TensorsOf<P>, x: Tensor) => {
        const y = apply(p, x);
        if (y.shape[0] === n) return y;
        throw new Error(
          `predict: the model gave ${showShape(y.shape)} for a batch of ${n}, expected [${n}, ...]`,
        );
      },
      [parameterSpecs, spec([n, ...rest], dtype)] as never,
      engineOptions(choice),
    ),
  );
  const pause = breather();
  return {
    async run(values, rows) {
      const count = requireRows(rows);
      let result: NDArray | null = null;
      for (const [start, stop] of batchRanges(count, batchSize)) {
        await pause();
        signal?.throwIfAborted();
        const program = await programs.get(stop - start);
        const { x } = contiguousBatch({ x: rows }, start, stop);
        const part: NDArray = await program.run([values, x] as never);
        const row = sizeOf(part.shape.slice(1));
        result ??= { ...part, data: new Float32Array(count * row), shape: [count, ...part.shape.slice(1)] };
        result.data.set(part.data, start * row);
      }
      return result as NDArray;
    },
    dispose: () => programs.dispose(),
  };
}

function requireRows({ shape }: NDArray): number {
  if (shape[0] > 0) return shape[0];
  throw new Error(`predict: inputs have shape ${showShape(shape)}, expected [n, ...], n ≥ 1`);
}

/** One run of a `predictor`: apply(params, inputs) for `[n, ...]` inputs, in batches: `[n, ...]`. Throws as it does. */
export async function predict<P>(
  apply: (params: TensorsOf<P>, inputs: Tensor) => Tensor,
  params: P,
  inputs: NDArray,
  options: PredictOptions = {},
): Promise<NDArray> {
  const model = predictor(apply, params, inputs, options);
  try {
    return await model.run(params, inputs);
  } finally {
    await model.dispose();
  }
}

/** @throws unless the value is a whole number ≥ 1. */
export function requireCount(where: string, name: string, value: number): void {
  if (!Number.isInteger(value) || value < 1) {
    throw new Error(`${where}: ${name} is ${value}, expected a whole number ≥ 1`);
  }
}
