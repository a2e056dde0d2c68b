/** Laws of the transforms on random expressions: central differences, jvp as the transpose of vjp, vmap as a loop. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  add,
  grad,
  jvp,
  mul,
  reshape,
  square,
  sum,
  take,
  vjp,
  vmap,
  type NDArray,
  type Tensor,
} from '../../src/tensor/index.ts';
import { buildExpression, points, steps } from './expressions.ts';
import { moved } from './examples.ts';
import { expectClose, floats, numberAt, numbersAt } from './values.ts';

describe('random expressions', () => {
  test('the gradient agrees with central differences', () => {
    fc.assert(
      fc.property(steps, points, points, fc.nat({ max: 5 }), (list, xs, ys, element) => {
        const f = (x: Tensor, y: Tensor): Tensor => sum(buildExpression(x, y, list));
        const [x, y] = [floats(xs, [2, 3]), floats(ys, [2, 3])];
        const gradientAt = (point: NDArray): number => numbersAt(grad(f), point, y)[element];
        const gradient = gradientAt(x);
        const unit = floats(
          xs.map((_, i) => Number(i === element)),
          [2, 3],
        );
        const beside = [-1e-6, 0, 1e-6].map((step) => moved(x, unit, step));
        const [down, here, up] = beside.map((point) => numberAt(f, point, y));
        // At a kink (maximum, select) there is no derivative to compare with: the one-sided differences disagree, or, where kinks
        // cancel, the gradient is another than just beside.
        fc.pre(Math.abs(up - 2 * here + down) <= 1e-9 * (1 + Math.abs(here)));
        const change = Math.max(...beside.map((point) => Math.abs(gradientAt(point) - gradient)));
        fc.pre(change < 1e-3 * (1 + Math.abs(gradient)));
        const fine = (up - down) / 2e-6;
        // The quotient is a derivative from in between, so it may differ by as much as the gradient changes, and by rounding.
        expect(Math.abs(gradient - fine)).toBeLessThan(change + 1e-5 * (1 + Math.abs(fine)));
      }),
      { numRuns: 300 },
    );
  });

  test('jvp is the transpose of vjp', () => {
    fc.assert(
      fc.property(steps, points, points, points, points, (list, xs, ys, tangent, cotangent) => {
        const args = [xs, ys, tangent, cotangent].map((values) => floats(values, [2, 3]));
        const difference = numbersAt(
          (x, y, dx, u) => {
            const f = (p: Tensor): Tensor => buildExpression(p, y, list);
            const forward = sum(mul(u, jvp(f, [x], [dx])[1]));
            const backward = sum(mul(dx, vjp(f, x)[1](u)[0]));
            return reshape(add(forward, mul(backward, -1)), [1]);
          },
          ...args,
        )[0];
        const scale = numberAt(
          (x, y, dx) => sum(square(jvp((p: Tensor) => buildExpression(p, y, list), [x], [dx])[1])),
          ...args.slice(0, 3),
        );
        expect(Math.abs(difference)).toBeLessThanOrEqual(1e-12 * (10 + scale));
      }),
      { numRuns: 200 },
    );
  });

  test('vmap equals a loop', () => {
    fc.assert(
      fc.property(steps, points, points, points, (list, first, second, ys) => {
        const f = (x: Tensor, y: Tensor): Tensor => buildExpression(x, y, list);
        const y = floats(ys, [2, 3]);
        const whole = numbersAt(vmap(f, [true, false]), floats([...first, ...second], [2, 2, 3]), y);
        expectClose(
          whole,
          [first, second].flatMap((xs) => numbersAt(f, floats(xs, [2, 3]), y)),
          1e-13,
        );
      }),
      { numRuns: 200 },
    );
  });
});

test('take and stack of columns differentiate through slices', () => {
  const f = (x: Tensor): Tensor => sum(mul(take(x, 1, -1), take(x, 1, 0)));
  expect(numbersAt(grad(f), floats([1, 2, 3, 4, 5, 6], [2, 3]))).toEqual([3, 0, 1, 6, 0, 4]);
});
