/** What the generic suite computes for one example of one op: the value and every transform of it, with labels. */
import { isFloat, type FloatDType, type NDArray } from '../../src/tensor/array.ts';
import { evaluate } from '../../src/tensor/graph/evaluate.ts';
import { type OpDefinition, type OpExample } from '../../src/tensor/op.ts';
import { foldIn, key, type Key } from '../../src/tensor/random.ts';
import { apply, placeholder, withTraceContext, type Tensor } from '../../src/tensor/tensor.ts';
import { jvp } from '../../src/tensor/transforms/forward.ts';
import { vjp } from '../../src/tensor/transforms/reverse.ts';
import { vmap } from '../../src/tensor/transforms/vmap.ts';
import { inputsOf, randomFloats, stackExamples } from './examples.ts';

export const BATCH = 3;

/** Ops that stand for something outside the graph or hold a graph of their own; they have no examples. */
export const structuralOps = ['input', 'constant', 'customVjp', 'loop'];

/** Runs f with the reference evaluator on an unsimplified graph, in float64. */
export function runReference<K extends string>(
  f: (...args: Tensor[]) => Record<K, Tensor>,
  args: readonly NDArray[],
): Record<K, NDArray> {
  return withTraceContext({ dtype: 'float64' }, () => {
    const inputs = args.map((arg) => placeholder(arg.shape, arg.dtype));
    const outputs = f(...inputs);
    const names = Object.keys(outputs) as K[];
    const values = evaluate(
      names.map((name) => outputs[name]),
      new Map(inputs.map((input, i) => [input, args[i]])),
    );
    return Object.fromEntries(names.map((name, i) => [name, values[i]])) as Record<K, NDArray>;
  });
}

/** The example with everything its transforms are fed with. */
export interface Case {
  readonly op: OpDefinition;
  readonly example: OpExample;
  readonly label: string;
  /** Which inputs are floats, and so have derivatives. */
  readonly floats: readonly number[];
  readonly differentiable: boolean;
  readonly x: readonly NDArray[];
  readonly tangents: readonly NDArray[];
  readonly cotangent: NDArray;
  readonly cotangentTangent: NDArray;
  /** One row of inputs for each element of a batch, and their stacks. */
  readonly rows: readonly (readonly NDArray[])[];
  readonly stacks: readonly NDArray[];
  readonly cotangentStack: NDArray;
}

export function casesOf(op: OpDefinition): Case[] {
  return op.examples.map((example, i) => caseOf(op, example, i));
}

function caseOf(op: OpDefinition, example: OpExample, index: number): Case {
  const seed = (n: number): Key => foldIn(foldIn(key(20260), index), n);
  const x = inputsOf(seed(0), example.inputs);
  const output = withTraceContext({ dtype: 'float64' }, () =>
    applyTo(
      op,
      example,
      x.map((value) => placeholder(value.shape, value.dtype)),
    ),
  );
  const floats = x.flatMap((value, i) => (isFloat(value.dtype) ? [i] : []));
  const rows = Array.from({ length: BATCH }, (_, row) => inputsOf(seed(10 + row), example.inputs));
  return {
    op,
    example,
    label: `example ${index} (${x.map((value) => `[${value.shape.join(', ')}]`).join(', ')})`,
    floats,
    differentiable: op.vjp !== 'none' && isFloat(output.dtype) && floats.length > 0,
    x,
    tangents: floats.map((i) => randomFloats(seed(20 + i), x[i].shape)),
    cotangent: randomFloats(seed(1), output.shape),
    cotangentTangent: randomFloats(seed(2), output.shape),
    rows,
    stacks: x.map((_, i) => stackExamples(rows.map((row) => row[i]))),
    cotangentStack: randomFloats(seed(3), [BATCH, ...output.shape]),
  };
}

export const applyTo = (op: OpDefinition, example: OpExample, inputs: readonly Tensor[]): Tensor =>
  apply(op, inputs, example.attributes ?? {});

/** The op as a function of its float inputs alone. */
export const ofFloats =
  ({ op, example, floats }: Case, inputs: readonly Tensor[]) =>
  (...values: Tensor[]): Tensor =>
    applyTo(
      op,
      example,
      inputs.map((input, i) => (floats.includes(i) ? values[floats.indexOf(i)] : input)),
    );

export const pick = <T>(list: readonly T[], indices: readonly number[]): T[] => indices.map((i) => list[i]);

/** Every way to batch at least one of n inputs. */
export const subsets = (n: number): boolean[][] =>
  Array.from({ length: 2 ** n - 1 }, (_, i) => Array.from({ length: n }, (_, k) => ((i + 1) >> k) % 2 === 1));

export const subsetName = (flags: readonly boolean[]): string =>
  `vmap(${flags.map((flag) => (flag ? 'batched' : 'whole')).join(', ')})`;

/** Arguments of `allTransforms`, in its order. */
export const argumentsOf = (c: Case): NDArray[] => [
  ...c.x,
  ...c.stacks,
  ...c.tangents,
  c.cotangent,
  c.cotangentTangent,
  c.cotangentStack,
];

/** The value and all transforms of an example, each under its name. */
export function allTransforms(c: Case, args: readonly Tensor[]): Record<string, Tensor> {
  const { op, example, floats } = c;
  const n = c.x.length;
  const [x, stacks] = [args.slice(0, n), args.slice(n, 2 * n)];
  const tangents = args.slice(2 * n, 2 * n + floats.length);
  const [u, du, uStack] = args.slice(2 * n + floats.length);
  const out: Record<string, Tensor> = { value: applyTo(op, example, x) };
  for (const flags of subsets(n)) {
    const mapped = vmap((...inner: Tensor[]) => applyTo(op, example, inner), flags);
    out[subsetName(flags)] = mapped(...flags.map((flag, i) => (flag ? stacks[i] : x[i])));
  }
  if (!c.differentiable) return out;

  const f = ofFloats(c, x);
  const xs = pick(x, floats);
  const pull = (...all: Tensor[]): Tensor[] => vjp(f, ...all.slice(0, -1))[1](all[all.length - 1]);
  pull(...xs, u).forEach((part, k) => (out[`vjp ${floats[k]}`] = part));
  out['jvp'] = jvp(f, xs, tangents)[1];
  jvp(pull, [...xs, u], [...tangents, du])[1].forEach((part, k) => (out[`jvp of vjp ${floats[k]}`] = part));
  const mappedPull = vmap((...all: Tensor[]) => {
    const g = ofFloats(c, all.slice(0, n));
    return vjp(g, ...pick(all, floats))[1](all[n]);
  });
  mappedPull(...stacks, uStack).forEach((part, k) => (out[`vmap of vjp ${floats[k]}`] = part));
  return out;
}

/** The dtype an argument has in a program of the given precision. */
export const argumentDType = (value: NDArray, dtype: FloatDType): NDArray['dtype'] =>
  isFloat(value.dtype) ? dtype : value.dtype;
