/**
 * Programs in two stages: what depends on given arrays alone is computed once, when the program is made, and every run does only the
 * rest. Jacobian products at one point are the case it is for: the function's own values, factorisations of its matrices and what
 * its derivative takes from them do not change with the vector.
 */
import type { NDArray } from './array.ts';
import {
  engineFor,
  specsOf,
  trace,
  type CompileOptions,
  type Program,
  type Spec,
  type Specs,
} from './compile.ts';
import { acquire } from './engines/shared.ts';
import { disposed, feeder } from './feeds.ts';
import { productFlops } from './graph/flops.ts';
import { frontier, substitute } from './graph/traverse.ts';
import { placeholder, withTraceContext, type Tensor } from './tensor.ts';
import { flatten, unflatten, type MapLeaves } from './tree.ts';

type TensorsOf<S> = { [K in keyof S]: MapLeaves<S[K], Spec, Tensor> };
type ArraysOf<S> = { [K in keyof S]: MapLeaves<S[K], Spec, NDArray> };

/**
 * The program of f(given, ·) at these arrays, which must stay as they are. Holds them and every value that both stages share (for a
 * network its activations) until it is disposed.
 *
 * @throws as `compile` does.
 */
export async function compileAt<G, const S extends Specs, R>(
  f: (given: MapLeaves<G, NDArray, Tensor>, ...args: TensorsOf<S>) => R,
  given: G,
  specs: S,
  {
    engine: name = 'onnx',
    dtype = 'float32',
    ...options
  }: Omit<CompileOptions, 'checkNumerics' | 'profile'> = {},
): Promise<Program<ArraysOf<S>, MapLeaves<R, Tensor, NDArray>>> {
  const engine = await engineFor(name, dtype);
  const givenSpecs = specsOf(given);
  const { inputs, outputs, structure } = trace(f, [givenSpecs, ...specs], dtype, false);
  const count = flatten(givenSpecs).leaves.length;
  const [fixed, varying] = [inputs.slice(0, count), inputs.slice(count)];
  const fixedFeeds = feeder(givenSpecs, fixed)(given);

  const shared = frontier(outputs, varying);
  const wanted = shared.filter((node) => !fixed.includes(node));
  const values = new Map(fixed.map((input, i) => [input, fixedFeeds[i]]));
  if (wanted.length > 0) {
    const first = await withTraceContext({ dtype }, () =>
      acquire(engine, { inputs: fixed, outputs: wanted }, options),
    );
    try {
      (await first.run(fixedFeeds)).forEach((value, i) => values.set(wanted[i], value));
    } finally {
      await first.dispose();
    }
  }

  const kept = shared.map((node) => values.get(node) as NDArray);
  const stand = shared.map(({ shape, dtype: own }) => placeholder(shape, own));
  const second = withTraceContext({ dtype }, () => {
    const rest = substitute(outputs, new Map(shared.map((node, i) => [node, stand[i]])));
    return { inputs: [...stand, ...varying], outputs: rest };
  });
  let executable: Awaited<ReturnType<typeof acquire>> | null = await withTraceContext({ dtype }, () =>
    acquire(engine, second, options),
  );
  const feedsOf = feeder(specs, varying);
  return {
    dtype,
    engine: name,
    productFlops: withTraceContext({ dtype }, () => productFlops(second.outputs)),
    async run(args) {
      if (!executable) throw disposed();
      return unflatten(structure, await executable.run([...kept, ...feedsOf(args)]));
    },
    async dispose() {
      await executable?.dispose();
      executable = null;
      kept.length = 0;
    },
  };
}
