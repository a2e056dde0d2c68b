/** Flows on arrays: densities, both directions and samples in batches, and a walk through the layers one by one. */
import {
  allocate,
  compile,
  showShape,
  sizeOf,
  specsOf,
  type CompileOptions,
  type FloatDType,
  type NDArray,
  type Tensor,
} from '../tensor/index.ts';
import { key as seedKey } from '../tensor/random.ts';
import { constantsOf } from '../nn/index.ts';
import { sequence } from './compose.ts';
import type { Density } from './density.ts';
import type { Flow, FlowParameters } from './flow.ts';
import type { Layer, Mode, Stage, TensorsOf } from './layer.ts';

export interface RunOptions extends Pick<CompileOptions, 'engine' | 'threads'> {
  /** Default float32. */
  readonly dtype?: FloatDType;
  /** Rows in one pass, default 512; a smaller input is one pass. */
  readonly batchSize?: number;
}

/** Arrays that go with the samples, row by row. */
export interface Beside {
  /** `[n, context]` */
  readonly context?: NDArray | undefined;
  /** `[n]`, int32 */
  readonly label?: NDArray | undefined;
  /** Like the samples. */
  readonly noise?: NDArray | undefined;
  /** `[n]`, beside noise. */
  readonly roulette?: NDArray | undefined;
}

type Rows = Readonly<Record<string, NDArray>>;
type Outputs = Record<string, Tensor>;

/** log p(x) of x `[n, ...shape]`: `[n]`, nats. */
export async function logProb<P>(
  model: Density<P>,
  parameters: P,
  x: NDArray,
  beside: Beside = {},
  options: RunOptions = {},
): Promise<NDArray> {
  const { value } = await mapRows(
    (p, { x: rows, ...given }) => ({ value: model.logProb(p, rows, given) }),
    parameters,
    { x, ...present(beside) },
    options,
  );
  return value;
}

/** Data to latent: z `[n, ...latentShape]` and log |det ∂z/∂x| `[n]`. */
export async function toLatent(
  flow: Flow,
  parameters: FlowParameters,
  x: NDArray,
  beside: Beside = {},
  options: RunOptions = {},
): Promise<{ readonly z: NDArray; readonly logDet: NDArray }> {
  const { y, logDet } = await mapRows(
    (p, { x: rows, ...given }) => ({ ...flow.forward(p, rows, given) }),
    parameters,
    { x, ...present(beside) },
    options,
  );
  return { z: y, logDet };
}

/** Latent to data: x `[n, ...shape]` and log |det ∂x/∂z| `[n]`. */
export async function toData(
  flow: Flow,
  parameters: FlowParameters,
  z: NDArray,
  beside: Beside = {},
  options: RunOptions = {},
): Promise<{ readonly x: NDArray; readonly logDet: NDArray }> {
  const { x, logDet } = await mapRows(
    (p, { z: rows, ...given }) => ({ ...flow.inverse(p, rows, given) }),
    parameters,
    { z, ...present(beside) },
    options,
  );
  return { x, logDet };
}

/** n samples `[n, ...shape]` of a seed. Sample i is the same whatever n and the batch size. */
export async function sample<P>(
  model: Density<P>,
  parameters: P,
  { n, seed, ...beside }: Beside & { readonly n: number; readonly seed: number },
  options: RunOptions = {},
): Promise<NDArray> {
  return samplesOf(model, parameters, model.draw(seedKey(seed), n), beside, options);
}

/** The samples `[n, ...shape]` that rows of `model.draw` stand for. */
export async function samplesOf<P>(
  model: Density<P>,
  parameters: P,
  rows: NDArray,
  beside: Beside = {},
  options: RunOptions = {},
): Promise<NDArray> {
  const { x } = await mapRows(
    (p, { rows: drawn, ...given }) => ({ x: model.sample(p, drawn, given) }),
    parameters,
    { rows, ...present(beside) },
    options,
  );
  return x;
}

export const present = (beside: Beside): Rows =>
  Object.fromEntries(
    Object.entries(beside).filter((entry): entry is [string, NDArray] => entry[1] !== undefined),
  );

/**
 * f over rows of arrays in batches of one size; the last is filled up by repeating its last row. The parameters are constants of
 * the program: what depends on them alone (masked weights, inverses, norms) is computed once, not in every batch.
 */
export async function mapRows<P>(
  f: (p: TensorsOf<P>, rows: Record<string, Tensor>) => Outputs,
  parameters: P,
  arrays: Rows,
  { batchSize = 512, dtype = 'float32', ...engine }: RunOptions,
): Promise<Record<string, NDArray>> {
  const n = rowsOf(arrays);
  const size = Math.min(n, batchSize);
  const program = await compile(
    (rows: Record<string, Tensor>) => f(constantsOf(parameters) as TensorsOf<P>, rows),
    [specsOf(rowsFrom(arrays, 0, size))],
    { dtype, ...engine },
  );
  const results: Record<string, NDArray> = {};
  try {
    for (let start = 0; start < n; start += size) {
      const part = await program.run([rowsFrom(arrays, start, size)]);
      for (const [name, { data, shape }] of Object.entries(part)) {
        const row = sizeOf(shape.slice(1));
        results[name] ??= { data: allocate(dtype, n * row), shape: [n, ...shape.slice(1)], dtype };
        results[name].data.set(data.subarray(0, Math.min(size, n - start) * row), start * row);
      }
    }
  } finally {
    await program.dispose();
  }
  return results;
}

function rowsOf(arrays: Rows): number {
  const counts = Object.entries(arrays).map(([name, { shape }]) => `${name} ${showShape(shape)}`);
  const [n, ...others] = Object.values(arrays).map(({ shape }) => shape[0]);
  if (n > 0 && others.every((m) => m === n)) return n;
  throw new Error(
    `flow: arrays ${counts.join(', ')}; expected the same number of rows, at least one, on axis 0 of all`,
  );
}

const rowsFrom = (arrays: Rows, start: number, size: number): Record<string, NDArray> =>
  Object.fromEntries(
    Object.entries(arrays).map(([name, { data, shape, dtype }]) => {
      const row = sizeOf(shape.slice(1));
      const rows = data.slice(start * row, (start + size) * row);
      const filled = allocate(dtype, size * row);
      filled.set(rows);
      for (let i = rows.length; i < filled.length; i += row) filled.set(rows.subarray(rows.length - row), i);
      return [name, { data: filled, shape: [size, ...shape.slice(1)], dtype }];
    }),
  );

/** Layers one after the other, with or without a base. */
export interface Chain {
  readonly layers: readonly Layer[];
}

export interface Passage {
  readonly beside?: Beside;
  readonly options?: RunOptions;
  readonly mode?: Mode;
}

/** Takes samples from layer to layer and shows what each makes of them; ends early where `visit` says so. */
export async function walk(
  flow: Chain,
  parameters: Pick<FlowParameters, 'layers'>,
  x: NDArray,
  { beside = {}, options = {}, mode = {} }: Passage,
  visit: (i: number, output: NDArray, logDet: NDArray) => boolean,
): Promise<void> {
  let here = x;
  for (const [i, part] of flow.layers.entries()) {
    const { y, logDet } = await behind(part, parameters.layers[i], here, { beside, options, mode });
    if (visit(i, y, logDet)) break;
    here = y;
  }
}

/**
 * Parameters set from data by the layers that do so, those inside other layers too: ActNorm at the start of a training, batch norm at
 * both ends. x: `[n, ...shape]`, a few hundred samples or all.
 */
export async function calibrate<P extends Pick<FlowParameters, 'layers'>>(
  flow: Chain,
  parameters: P,
  x: NDArray,
  stage: Stage,
  beside: Beside = {},
  options: RunOptions = {},
): Promise<P> {
  const layers = await sequence(flow.layers).calibrate?.(parameters.layers, x, stage, (part, own, samples) =>
    behind(part, own, samples, { beside, options }).then(({ y }) => y),
  );
  return layers ? { ...parameters, layers } : parameters;
}

/** Samples `[n, ...]` that reach a layer, mapped by it. */
const behind = (
  part: Layer,
  own: unknown,
  x: NDArray,
  { beside = {}, options = {}, mode = {} }: Passage,
): Promise<Record<string, NDArray>> =>
  mapRows(
    (p, { x: rows, ...given }) => ({ ...part.forward(p, rows, { ...given, ...mode }) }),
    own as never,
    { x, ...present(beside) },
    options,
  );
