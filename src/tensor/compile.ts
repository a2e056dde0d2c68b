/** Trace once, run often: `compile` turns a function over trees of tensors into a program on an engine. */
import { isFloat, type DType, type FloatDType, type NDArray } from './array.ts';
import type { Engine, EngineName, EngineOptions, Executable } from './engines/engine.ts';
import { loadEngine } from './engines/load.ts';
import { acquire } from './engines/shared.ts';
import { disposed, feeder } from './feeds.ts';
import { evaluate } from './graph/evaluate.ts';
import { productFlops } from './graph/flops.ts';
import { mergeProducts } from './graph/mergeProducts.ts';
import { simplify } from './graph/simplify.ts';
import { writeOnnx } from './engines/onnx/lower.ts';
import { checkShape, showShape, type Shape } from './shape.ts';
import { placeholder, withTraceContext, type Tensor } from './tensor.ts';
import { flatten, leafPaths, mapTree, unflatten, type MapLeaves } from './tree.ts';

/** Shape and dtype of an argument; `dtype: null` means the float dtype the program is compiled for. */
export interface Spec {
  readonly shape: Shape;
  readonly dtype: DType | null;
}

export function spec(shape: Shape, dtype: DType | null = null): Spec {
  checkShape(shape, 'spec');
  return { shape, dtype };
}

/** Specs of a tree of arrays: floats follow the program's dtype. */
export const specsOf = <T>(tree: T): MapLeaves<T, NDArray, Spec> =>
  mapTree(tree, ({ shape, dtype }: NDArray) => spec(shape, isFloat(dtype) ? null : dtype));

export interface CompileOptions extends EngineOptions {
  readonly engine?: EngineName;
  readonly dtype?: FloatDType;
  /** Examine results; when one is not finite, find the first op that made it so and name the user's call site. */
  readonly checkNumerics?: boolean;
}

/** A compiled function: arrays in, arrays out, as trees of the function's own structure. */
export interface Program<Args extends readonly unknown[], Result> {
  readonly dtype: FloatDType;
  readonly engine: EngineName;
  /** Floating-point operations of its matrix products and convolutions, a multiply-add counted as two. */
  readonly productFlops: number;
  run(args: Args): Promise<Result>;
  dispose(): Promise<void>;
}

export type Specs = readonly unknown[];
type TensorsOf<S extends Specs> = { [K in keyof S]: MapLeaves<S[K], Spec, Tensor> };
type ArraysOf<S extends Specs> = { [K in keyof S]: MapLeaves<S[K], Spec, NDArray> };

export interface TracedProgram {
  readonly inputs: Tensor[];
  readonly outputs: Tensor[];
  readonly structure: ReturnType<typeof flatten>['structure'];
}

export function trace(
  f: (...args: never[]) => unknown,
  specs: Specs,
  dtype: FloatDType,
  traceSites: boolean,
): TracedProgram {
  return withTraceContext({ dtype, traceSites }, () => {
    const given = flatten<Spec>(specs);
    const inputs = given.leaves.map((leaf) => placeholder(leaf.shape, leaf.dtype ?? dtype));
    const value = f(...unflatten<never[]>(given.structure, inputs));
    const { leaves, structure } = flatten<Tensor>(value);
    return { inputs, outputs: traceSites ? leaves : mergeProducts(simplify(leaves)), structure };
  });
}

/** @throws if the engine does not compute in `dtype`. */
export async function engineFor(name: EngineName, dtype: FloatDType): Promise<Engine> {
  const engine = await loadEngine(name);
  if (engine.dtypes.includes(dtype)) return engine;
  throw new Error(
    `compile: the engine '${name}' computes in ${engine.dtypes.join(', ')}, not in ${dtype}; use engine 'onnx' or 'reference'`,
  );
}

/**
 * Compiles f for arguments of the given specs (trees of `Spec`, one for each argument). Programs of equal structure share
 * one executable, which the last `dispose` releases.
 *
 * @throws what the ops of f throw about shapes, and if the engine cannot compute in `dtype`.
 */
export async function compile<const S extends Specs, R>(
  f: (...args: TensorsOf<S>) => R,
  specs: S,
  { engine: name = 'onnx', dtype = 'float32', checkNumerics = false, ...options }: CompileOptions = {},
): Promise<Program<ArraysOf<S>, MapLeaves<R, Tensor, NDArray>>> {
  const engine = await engineFor(name, dtype);
  const traced = trace(f, specs, dtype, checkNumerics);
  let executable: Executable | null = await withTraceContext({ dtype }, () =>
    acquire(engine, traced, options),
  );
  const feedsOf = feeder(specs, traced.inputs);

  return {
    dtype,
    engine: name,
    productFlops: withTraceContext({ dtype }, () => productFlops(traced.outputs)),
    async run(args) {
      if (!executable) throw disposed();
      const feeds = feedsOf(args);
      const results = await executable.run(feeds);
      if (checkNumerics) reportNonFinite(traced, feeds, results);
      return unflatten(traced.structure, results);
    },
    async dispose() {
      await executable?.dispose();
      executable = null;
    },
  };
}

const firstNonFinite = ({ data }: NDArray): number =>
  (data as Float64Array).findIndex((x) => !Number.isFinite(x));

/** @throws an Error naming the first op whose finite inputs gave a value that is not finite. */
function reportNonFinite(
  { inputs, outputs }: TracedProgram,
  feeds: readonly NDArray[],
  results: readonly NDArray[],
): void {
  const bad = results.findIndex((result) => firstNonFinite(result) >= 0);
  if (bad < 0) return;
  const fedBad = feeds.findIndex((feed) => firstNonFinite(feed) >= 0);
  if (fedBad >= 0) {
    throw new Error(
      `checkNumerics: argument ${fedBad} already holds ${String(feeds[fedBad].data[firstNonFinite(feeds[fedBad])])} at position ${firstNonFinite(feeds[fedBad])}`,
    );
  }
  evaluate(outputs, new Map(inputs.map((input, i) => [input, feeds[i]])), (node, value) => {
    const at = firstNonFinite(value);
    if (at < 0) return;
    const operands = node.inputs.map((x) => showShape(x.shape)).join(' and ');
    throw new Error(
      `checkNumerics: '${node.op.name}' of ${operands || 'nothing'} first gave ${String(value.data[at])} (position ${at})${node.site ? `, called at ${node.site}` : ''}`,
    );
  });
  throw new Error(
    `checkNumerics: output ${bad} is not finite on this engine, though the reference evaluator finds it finite: an overflow inside a fused kernel`,
  );
}

/**
 * f as the bytes of a plain `.onnx` model (standard operators only), for other runtimes. Inputs are named by their path
 * in `specs` (or by `names`), outputs by their path in the result.
 */
export function exportOnnx<const S extends Specs>(
  f: (...args: TensorsOf<S>) => unknown,
  specs: S,
  {
    dtype = 'float32',
    names,
    outputNames,
  }: { dtype?: FloatDType; names?: readonly string[]; outputNames?: readonly string[] } = {},
): Uint8Array {
  const traced = trace(f, specs, dtype, false);
  const outputs =
    outputNames ?? traced.outputs.map((_, i) => (traced.outputs.length === 1 ? 'output' : `output${i}`));
  return withTraceContext(
    { dtype },
    () => writeOnnx(traced, { inputs: names ?? leafPaths(specs), outputs }).bytes,
  );
}
