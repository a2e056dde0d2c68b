/**
 * Graph clean-up before lowering: constant folding, common subexpressions, neutral elements, chains of moves, dead code
 * (what no output reaches is never visited). One bottom-up pass; every rewrite keeps shape and dtype.
 */
import { add, mul, sub } from '../ops/arithmetic.ts';
import { asConvolution } from '../ops/convolution.ts';
import { broadcastTo, concat, reshape, transpose } from '../ops/shape.ts';
import { broadcastShapes, sameShape, sizeOf, type Shape } from '../shape.ts';
import { constant, constantValue, isConstant, isPlaceholder, Tensor } from '../tensor.ts';
import { contentOf, exactJson } from './fingerprint.ts';
import { evaluate } from './evaluate.ts';
import { topologicalOrder } from './traverse.ts';

/** Larger results of folding are kept only when they do not outgrow their inputs. */
const FOLD_LIMIT = 4096;
/** Multiply-adds of a matrix product that is folded; the engines compute larger ones sooner, ONNX Runtime once a session. */
const FOLD_PRODUCT = 64 ** 3;

type Rewrite = (node: Tensor) => Tensor | null;

export function simplify(outputs: readonly Tensor[]): Tensor[] {
  const result = new Map<Tensor, Tensor>();
  const seen = new Map<string, Tensor>();
  const keys = new Keys();
  const settled = new Set<Tensor>();
  // What a rewrite makes is cleaned up like the rest, the nodes inside it first.
  const settle = (node: Tensor, inputs: readonly Tensor[]): Tensor => {
    const clean = inputs.map((x) => (settled.has(x) ? x : settle(x, x.inputs)));
    const same = clean.every((x, i) => x === node.inputs[i]);
    const current = same ? node : new Tensor(node.op, clean, node.attributes, node);
    const next = rewrite(current);
    if (next) return settled.has(next) ? next : settle(next, next.inputs);
    const first = share(current, seen, keys);
    settled.add(first);
    return first;
  };
  for (const node of topologicalOrder(outputs)) {
    const inputs = node.inputs.map((x) => result.get(x) as Tensor);
    result.set(node, settle(node, inputs));
  }
  return outputs.map((node) => result.get(node) as Tensor);
}

/** The first node that computes the same thing. */
function share(node: Tensor, seen: Map<string, Tensor>, keys: Keys): Tensor {
  if (isPlaceholder(node)) return node;
  const key = keys.of(node);
  const known = seen.get(key);
  if (!known) seen.set(key, node);
  return known ?? node;
}

/** Keys of structural equality. */
class Keys {
  private readonly objects = new Map<unknown, number>();

  of(node: Tensor): string {
    if (isConstant(node)) {
      const { shape, dtype } = constantValue(node);
      return `constant ${dtype} ${shape.join()} ${contentOf(node)}`;
    }
    const attributes = Object.entries(node.attributes).map(([name, value]) =>
      typeof value === 'function' ? `${name}#${this.identity(value)}` : `${name}:${exactJson(value)}`,
    );
    return `${node.op.name} ${node.dtype} ${attributes.join()} ${node.inputs.map((x) => x.id).join()}`;
  }

  private identity(value: unknown): number {
    const id = this.objects.get(value) ?? this.objects.size;
    this.objects.set(value, id);
    return id;
  }
}

function rewrite(node: Tensor): Tensor | null {
  for (const rule of rules[node.op.name] ?? []) {
    const next = rule(node);
    if (next) return next;
  }
  return fold(node);
}

function fold(node: Tensor): Tensor | null {
  // The turns of a loop are the engine's work.
  if (node.inputs.length === 0 || !node.inputs.every(isConstant) || node.op.name === 'loop') return null;
  const size = sizeOf(node.shape);
  const given = node.inputs.reduce((n, x) => n + sizeOf(x.shape), 0);
  if (size > FOLD_LIMIT && size > given) return null;
  if (node.op.name === 'matmul' && size * node.inputs[0].shape[node.inputs[0].rank - 1] > FOLD_PRODUCT)
    return null;
  const [value] = evaluate([node]);
  return constant(value, undefined, node.dtype);
}

/** The number that fills a constant, or null. */
function uniform(node: Tensor): number | null {
  if (!isConstant(node)) return null;
  const { data } = constantValue(node);
  if (data.length === 0 || data.length > FOLD_LIMIT) return null;
  return data.every((value) => value === data[0]) ? data[0] : null;
}

const fits = (x: Tensor, shape: Shape): boolean => sameShape(x.shape, shape);

/** x ∘ neutral → x, when x already has the result's shape. */
const neutral =
  (value: number, sides: readonly (0 | 1)[]): Rewrite =>
  (node) => {
    for (const side of sides) {
      const other = node.inputs[1 - side];
      if (uniform(node.inputs[side]) === value && fits(other, node.shape)) return other;
    }
    return null;
  };

/** Elementwise ops broadcast by themselves: an explicit broadcast of one operand is needless if the shapes still agree. */
const dropBroadcast: Rewrite = (node) => {
  for (const [i, x] of node.inputs.entries()) {
    if (x.op.name !== 'broadcastTo') continue;
    const inputs = node.inputs.map((y, k) => (k === i ? x.inputs[0] : y));
    const shape = inputs.reduce<Shape>((s, y) => broadcastShapes(s, y.shape, node.op.name), []);
    if (sameShape(shape, node.shape)) return new Tensor(node.op, inputs, node.attributes, node);
  }
  return null;
};

/** (x · c₁) · c₂ → x · (c₁c₂) for scalar constants. */
const mergeScales: Rewrite = (node) => {
  const [outer, inner] = splitScale(node);
  if (outer === null || inner.op.name !== 'mul') return null;
  const [second, x] = splitScale(inner);
  return second === null || !fits(x, node.shape) ? null : mul(x, scalarLike(outer * second, node));
};

function splitScale(node: Tensor): [number, Tensor] | [null, Tensor] {
  const [a, b] = node.inputs;
  if (isConstant(b) && b.rank === 0) return [constantValue(b).data[0], a];
  if (isConstant(a) && a.rank === 0) return [constantValue(a).data[0], b];
  return [null, node];
}

const scalarLike = (value: number, like: Tensor): Tensor => constant(value, [], like.dtype);

/** The transpose of only axes of size 1 moves no value: a reshape. */
const movesNothing: Rewrite = (node) => {
  const [x] = node.inputs;
  const permutation = node.attributes['permutation'] as readonly number[];
  const real = permutation.filter((axis) => x.shape[axis] !== 1);
  return real.every((axis, i) => i === 0 || real[i - 1] < axis) ? reshape(x, node.shape) : null;
};

/** An outer product has nothing to sum over: [.., m, 1] @ [.., 1, n] is an elementwise product. */
const outerProduct: Rewrite = ({ inputs: [a, b] }) => (a.shape[a.rank - 1] === 1 ? mul(a, b) : null);

interface Segment {
  readonly axis: number;
  readonly start: number;
  readonly part: Tensor;
}

/** The values of a tensor that is padded with zeros along one axis, or null if it is anything else. */
function segment(node: Tensor): Segment | null {
  if (node.op.name !== 'pad') return null;
  const { low, high, interior } = node.attributes as Record<'low' | 'high' | 'interior', readonly number[]>;
  const padded = low.flatMap((n, i) => (n + high[i] > 0 ? [i] : []));
  if (padded.length !== 1 || interior.some((n) => n !== 0)) return null;
  return { axis: padded[0], start: low[padded[0]], part: node.inputs[0] };
}

/** Longer sums are not looked into: one that shares its parts has exponentially many terms. */
const MOST_TERMS = 32;

/** Terms of a sum of tensors of one shape, or null if there are too many. */
function termsOf(sum: Tensor): Tensor[] | null {
  const terms: Tensor[] = [];
  const open = [sum];
  for (let node = open.pop(); node; node = open.pop()) {
    const { op, inputs, shape } = node;
    if (op.name === 'add' && inputs.every((x) => fits(x, shape))) open.push(...inputs.toReversed());
    else terms.push(node);
    if (terms.length + open.length > MOST_TERMS) return null;
  }
  return terms;
}

/** Zero-padded parts that tile an axis add up to their concatenation: the gradient of a split, beside other terms or alone. */
const joinParts: Rewrite = (node) => {
  const parts: Segment[] = [];
  const others: Tensor[] = [];
  for (const term of termsOf(node) ?? []) {
    const part = segment(term);
    if (part) parts.push(part);
    else others.push(term);
  }
  if (parts.length < 2 || parts.some(({ axis }) => axis !== parts[0].axis)) return null;
  const [{ axis }] = parts;
  parts.sort((a, b) => a.start - b.start);
  let end = 0;
  for (const { start, part } of parts) {
    if (start !== end) return null;
    end += part.shape[axis];
  }
  if (end !== node.shape[axis]) return null;
  const joined = concat(
    parts.map(({ part }) => part),
    axis,
  );
  return others.length === 0 ? joined : add(others.reduce(add), joined);
};

/** Everything in its order. */
const wholeSlice: Rewrite = ({ inputs: [x], shape, attributes }) =>
  fits(x, shape) && (attributes['steps'] as readonly number[]).every((step) => step === 1) ? x : null;

const passThrough: Rewrite = (node) => node.inputs[0];

const elementwise = [
  'add',
  'sub',
  'mul',
  'div',
  'pow',
  'maximum',
  'minimum',
  'less',
  'lessEqual',
  'equal',
  'select',
];

const rules: Record<string, Rewrite[]> = {
  alias: [passThrough],
  stopGradient: [passThrough],
  customVjp: [passThrough],
  add: [
    neutral(0, [0, 1]),
    joinParts,
    ({ inputs: [a, b] }) =>
      b.op.name === 'neg' ? sub(a, b.inputs[0]) : a.op.name === 'neg' ? sub(b, a.inputs[0]) : null,
  ],
  sub: [neutral(0, [1]), ({ inputs: [a, b] }) => (b.op.name === 'neg' ? add(a, b.inputs[0]) : null)],
  mul: [neutral(1, [0, 1]), mergeScales],
  div: [neutral(1, [1])],
  pow: [neutral(1, [1])],
  matmul: [outerProduct],
  neg: [({ inputs: [x] }) => (x.op.name === 'neg' ? x.inputs[0] : null)],
  select: [
    ({ inputs: [condition, a, b], shape }) => {
      const known = uniform(condition);
      if (known === null) return null;
      return broadcastTo(known ? a : b, shape);
    },
  ],
  convolutionInputGradient: [asConvolution],
  slice: [wholeSlice],
  reshape: [
    (node) => (fits(node.inputs[0], node.shape) ? node.inputs[0] : null),
    (node) => (node.inputs[0].op.name === 'reshape' ? reshape(node.inputs[0].inputs[0], node.shape) : null),
  ],
  transpose: [
    (node) => {
      const [inner] = node.inputs;
      if (inner.op.name !== 'transpose') return null;
      const first = inner.attributes['permutation'] as readonly number[];
      const second = node.attributes['permutation'] as readonly number[];
      return transpose(
        inner.inputs[0],
        second.map((axis) => first[axis]),
      );
    },
    movesNothing,
  ],
  broadcastTo: [
    (node) => (fits(node.inputs[0], node.shape) ? node.inputs[0] : null),
    (node) =>
      node.inputs[0].op.name === 'broadcastTo' ? broadcastTo(node.inputs[0].inputs[0], node.shape) : null,
  ],
};
for (const name of elementwise) rules[name] = [...(rules[name] ?? []), dropBroadcast];
