import { describe, expect, test } from 'vitest';
import {
  add,
  array,
  exp,
  grad,
  log,
  mul,
  reshape,
  sum,
  type NDArray,
  type Tensor,
} from '../../src/tensor/index.ts';
import { key, normal } from '../../src/tensor/random.ts';
import { rationalQuadratic } from '../../src/flows/transformers/rationalQuadratic.ts';
import { evaluate, largestDifference, negated } from './support.ts';

/** Fewest bins, a small interval, and the default. */
const choices = [
  { bins: 2, bound: 0.05 },
  { bins: 3, bound: 1 },
  { bins: 8, bound: 5 },
  { bins: 32, bound: 3 },
];
const epsilon = { float64: 2 ** -52, float32: 2 ** -23 };
const dtypes = ['float64', 'float32'] as const;
/** How many splines of random parameters. */
const SPLINES = 15;

const cast = (values: ArrayLike<number>, dtype: string) =>
  dtype === 'float64' ? Float64Array.from(values) : Float32Array.from(values);

describe.each(choices)('$bins bins on ±$bound', (options) => {
  const { bins, bound } = options;
  const numbers = rationalQuadratic.numbers(options);

  /** Knots of a spline from its raw parameters, by its definition. */
  const knots = (raw: ArrayLike<number>, from: number): number[] => {
    const widths = Array.from({ length: bins }, (_, i) => raw[from + i]);
    const highest = Math.max(...widths);
    const total = widths.reduce((a, w) => a + Math.exp(w - highest), 0);
    let at = -bound;
    return widths.map((w) => {
      at += 2 * bound * (1e-3 + (1 - 1e-3 * bins) * (Math.exp(w - highest) / total));
      return at;
    });
  };

  /** Both ends, their neighbours on both sides, far away, and every inner knot of the axis whose parameters begin at `from`. */
  const places = (raw: NDArray, from: number): NDArray => {
    const near = raw.dtype === 'float64' ? 1e-12 : 1e-6;
    const ends = [1 - 1e-3, 1 - near, 1, 1 + near, 1 + 1e-3].map((part) => part * bound);
    const fixed = [0, ...ends, 1e3].flatMap((v) => [v, -v]);
    const rows = Array.from({ length: SPLINES }, (_, i) => [
      ...fixed,
      ...knots(raw.data, i * numbers + from).slice(0, -1),
    ]);
    return array(cast(rows.flat(), raw.dtype), [SPLINES, rows[0].length], raw.dtype);
  };

  const rawOf = (deviation: number, dtype: (typeof dtypes)[number]): NDArray =>
    array(
      cast(
        normal(key(1), SPLINES * numbers).map((v) => deviation * v),
        dtype,
      ),
      [SPLINES, numbers],
      dtype,
    );

  /** One spline a row, applied to all places of the row. */
  const apply = (direction: 'forward' | 'inverse') => (r: Tensor, v: Tensor) => {
    const all = add(reshape(r, [SPLINES, 1, numbers]), mul(0, reshape(v, [SPLINES, -1, 1])));
    const { value, logDerivative } = rationalQuadratic[direction](v, all, options);
    return { value, logDerivative: logDerivative as Tensor };
  };

  describe.each(dtypes)('in %s', (dtype) => {
    const raw = rawOf(10, dtype);
    const directions = ['forward', 'inverse'] as const;

    test.each(directions)('%s and back', async (direction) => {
      const there = apply(direction);
      const back = apply(direction === 'forward' ? 'inverse' : 'forward');
      const x = places(raw, direction === 'forward' ? 0 : bins);
      const result = await evaluate(
        (r: never, v: Tensor) => {
          const y = there(r, v);
          const again = back(r, y.value);
          return {
            y: y.value,
            slope: y.logDerivative,
            x: again.value,
            backSlope: again.logDerivative,
            again: there(r, again.value).value,
          };
        },
        [raw, x],
        dtype,
      );
      for (const { data } of Object.values(result)) expect(data.every(Number.isFinite)).toBe(true);
      // Slopes go from 1e-7 to 1e6 here: rounding is felt on one of the two axes, never on both.
      const errors = Array.from(x.data, (v, i) => {
        const onX = Math.abs(result.x.data[i] - v);
        const onY = Math.abs(result.again.data[i] - result.y.data[i]);
        return Math.min(onX, onY) / Math.max(bound, Math.abs(v));
      });
      expect(Math.max(...errors)).toBeLessThan(6 * epsilon[dtype]);
      if (dtype === 'float64') {
        expect(largestDifference(result.slope.data, negated(result.backSlope.data))).toBeLessThan(1e-5);
      }
      const outside = [...x.data.keys()].filter((i) => Math.abs(x.data[i]) > cast([bound], dtype)[0]);
      expect(outside.length).toBeGreaterThanOrEqual(6 * SPLINES);
      for (const i of outside) {
        expect(result.y.data[i]).toBe(x.data[i]);
        expect(result.slope.data[i]).toBe(0);
      }
    });

    test.each(directions)('%s: gradients in values and parameters are finite', async (direction) => {
      const x = places(raw, direction === 'forward' ? 0 : bins);
      const loss = ({ r, v }: { r: Tensor; v: Tensor }): Tensor => {
        const { value, logDerivative } = apply(direction)(r, v);
        return sum(add(mul(1e-3, mul(value, value)), logDerivative));
      };
      const gradient = await evaluate(grad(loss as never) as never, [{ r: raw, v: x }], dtype);
      for (const part of Object.values<NDArray>(gradient)) {
        expect([...part.data].filter((g) => !Number.isFinite(g))).toEqual([]);
      }
    });
  });

  test.each(['forward', 'inverse'] as const)(
    '%s: derivatives of the value are those of logDerivative',
    async (direction) => {
      // Second derivatives at slopes that leave them digits.
      for (const { deviation, order } of [
        { deviation: 10, order: 1 },
        { deviation: 1, order: 2 },
      ]) {
        const raw = rawOf(deviation, 'float64');
        const x = places(raw, direction === 'forward' ? 0 : bins);
        const slopeOf = (r: Tensor, v: Tensor): Tensor =>
          grad((w: Tensor) => sum(apply(direction)(r, w).value))(v);
        const logSlopeOf = (r: Tensor, v: Tensor): Tensor => apply(direction)(r, v).logDerivative;
        const { found, expected } = await evaluate(
          (r: never, v: Tensor) =>
            order === 1
              ? { found: slopeOf(r, v), expected: exp(logSlopeOf(r, v)) }
              : {
                  found: grad((w: Tensor) => sum(log(slopeOf(r, w))))(v),
                  expected: grad((w: Tensor) => sum(logSlopeOf(r, w)))(v),
                },
          [raw, x],
        );
        const errors = Array.from(
          expected.data,
          (e, i) => Math.abs(found.data[i] - e) / Math.max(1 / bound, Math.abs(e)),
        );
        expect(Math.max(...errors)).toBeLessThan(order === 1 ? 1e-9 : 1e-6);
      }
    },
  );
});
