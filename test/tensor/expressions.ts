/** Random expression graphs for the property tests: every step makes one more [2, 3] tensor out of earlier ones. */
import fc from 'fast-check';
import {
  add,
  broadcastTo,
  concat,
  constant,
  div,
  exp,
  less,
  maximum,
  mul,
  neg,
  pad,
  reshape,
  reverse,
  select,
  sigmoid,
  sin,
  slice,
  square,
  sub,
  sum,
  tanh,
  transpose,
  type Tensor,
} from '../../src/tensor/index.ts';

export interface Step {
  readonly kind: number;
  readonly left: number;
  readonly right: number;
}

type Build = (a: Tensor, b: Tensor) => Tensor;

const builders: Build[] = [
  (a, b) => add(a, b),
  (a, b) => sub(a, b),
  (a, b) => mul(tanh(a), b),
  (a, b) => div(a, add(2, square(b))),
  (a) => tanh(a),
  (a) => sin(a),
  (a) => sigmoid(a),
  (a) => exp(mul(tanh(a), 0.5)),
  (a) => neg(a),
  (a, b) => sub(a, neg(b)),
  (a, b) => add(neg(a), b),
  (a) => add(a, 0),
  (a) => mul(1, a),
  (a) => mul(mul(a, 0.5), 3),
  (a) => transpose(transpose(a)),
  (a) => reshape(transpose(reshape(a, [3, 2])), [2, 3]),
  (a) => broadcastTo(sum(a, 0, { keepDims: true }), [2, 3]),
  (a, b) => add(broadcastTo(sum(a, 1, { keepDims: true }), [2, 3]), b),
  (a, b) => slice(concat([a, b], 0), [1, 0], [2, 3]),
  (a) => slice(pad(a, [1, 0], [0, 2]), [0, 1], [2, 3]),
  (a) => reverse(a, 1),
  (a, b) => select(less(a, b), tanh(a), mul(b, 2)),
  (a, b) => maximum(a, mul(b, 0.5)),
  (a) => mul(a, add(constant(1), constant(1))),
];

export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    kind: fc.nat({ max: builders.length - 1 }),
    left: fc.nat({ max: 1000 }),
    right: fc.nat({ max: 1000 }),
  }),
  { minLength: 1, maxLength: 12 },
);

/** The last tensor of the graph that the steps build over two inputs. */
export function buildExpression(x: Tensor, y: Tensor, list: readonly Step[]): Tensor {
  const pool = [x, y];
  for (const { kind, left, right } of list) {
    // Counted from the newest, so that graphs grow deep rather than wide.
    const pick = (n: number): Tensor => pool[pool.length - 1 - (n % Math.min(pool.length, 4))];
    pool.push(builders[kind](pick(left), pick(right)));
  }
  return pool[pool.length - 1];
}

export const points = fc.array(fc.double({ min: -1.5, max: 1.5, noNaN: true }), {
  minLength: 6,
  maxLength: 6,
});
