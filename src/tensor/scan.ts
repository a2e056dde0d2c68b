/**
 * Scans: one function in turns, whose state goes from turn to turn inside the engine. Bringing the state of a program back after
 * every run costs a pass over memory or two, which for millions of parameters is longer than many a training step.
 */
import type { FloatDType, NDArray } from './array.ts';
import { engineFor, trace, type CompileOptions, type Spec } from './compile.ts';
import type { Executable } from './engines/engine.ts';
import { acquire } from './engines/shared.ts';
import { stackTurns, turnOf } from './engines/turns.ts';
import { disposed, feeder } from './feeds.ts';
import { productFlops } from './graph/flops.ts';
import { sameShape, showShape } from './shape.ts';
import { withTraceContext, type Tensor } from './tensor.ts';
import { flatten, unflatten, type MapLeaves } from './tree.ts';

/** What goes round and what is fed to a turn or comes out of one. */
export interface Turn<Carry, Values> {
  readonly carry: Carry;
  readonly values: Values;
}

/** A compiled scan, for trees of arrays. */
export interface Scan<Carry, Inputs, Outputs> {
  readonly dtype: FloatDType;
  /** Of one turn. */
  readonly productFlops: number;
  /**
   * As many turns as there are inputs.
   *
   * @throws without inputs, and if arguments do not fit the specs.
   */
  run(carry: Carry, inputs: readonly Inputs[]): Promise<Turn<Carry, Outputs[]>>;
  dispose(): Promise<void>;
}

/**
 * Compiles f(carry, input) → {carry, values} to run in turns (`lax.scan` in JAX), any number of them. However many run at once, each
 * turn computes the same numbers.
 *
 * @throws if f does not give the carry back as it got it, takes no input, and what `compile` throws.
 */
export async function compileScan<const C, const X, Y>(
  f: (
    carry: MapLeaves<C, Spec, Tensor>,
    input: MapLeaves<X, Spec, Tensor>,
  ) => Turn<MapLeaves<C, Spec, Tensor>, Y>,
  specs: Turn<C, X>,
  { engine: name = 'onnx', dtype = 'float32', ...options }: Omit<CompileOptions, 'checkNumerics'> = {},
): Promise<Scan<MapLeaves<C, Spec, NDArray>, MapLeaves<X, Spec, NDArray>, MapLeaves<Y, Tensor, NDArray>>> {
  const engine = await engineFor(name, dtype);
  const carried = flatten<Spec>(specs.carry);
  const count = carried.leaves.length;
  let structure = carried.structure;
  const turn = (carry: never, input: never): unknown => {
    const next = f(carry, input);
    const leaves = flatten<Tensor>(next.carry).leaves;
    requireSameCarry(flatten<Tensor>(carry).leaves, leaves);
    const values = flatten<Tensor>(next.values);
    structure = values.structure;
    return [...leaves, ...values.leaves];
  };
  const traced = trace(turn, [specs.carry, specs.values], dtype, false);
  if (traced.inputs.length === count)
    throw new Error('scan: f takes no input beside the carry, expected one at least');
  let executable: Executable | null = await withTraceContext({ dtype }, () =>
    acquire(engine, { ...traced, carried: count }, options),
  );
  const carryOf = feeder(specs.carry, traced.inputs.slice(0, count));
  const inputOf = feeder(specs.values, traced.inputs.slice(count));

  return {
    dtype,
    productFlops: withTraceContext({ dtype }, () => productFlops(traced.outputs)),
    async run(carry, inputs) {
      if (!executable) throw disposed();
      if (inputs.length === 0)
        throw new Error('scan: there are no inputs, expected those of one turn at least');
      const turns = inputs.map(inputOf);
      const stacked = turns[0].map((_, i) => stackTurns(turns.map((leaves) => leaves[i])));
      const results = await executable.run([...carryOf(carry), ...stacked]);
      const values = results.slice(count);
      return {
        carry: unflatten(carried.structure, results.slice(0, count)),
        values: turns.map((_, t) =>
          unflatten(
            structure,
            values.map((value) => turnOf(value, t)),
          ),
        ),
      };
    },
    async dispose() {
      await executable?.dispose();
      executable = null;
    },
  };
}

function requireSameCarry(before: readonly Tensor[], after: readonly Tensor[]): void {
  const show = (leaves: readonly Tensor[]): string =>
    leaves.map(({ dtype, shape }) => `${dtype}${showShape(shape)}`).join(', ');
  const same =
    before.length === after.length &&
    before.every(({ shape, dtype }, i) => sameShape(shape, after[i].shape) && dtype === after[i].dtype);
  if (!same)
    throw new Error(`scan: f got a carry of ${show(before)} and gave ${show(after)}; expected the same`);
}
