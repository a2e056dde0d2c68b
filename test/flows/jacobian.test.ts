import { expect, test } from 'vitest';
import { grad, logAbsDeterminant, sub, sum, type Tensor } from '../../src/tensor/index.ts';
import { logAbsDet } from '../../src/flows/jacobian.ts';
import { normals, numbersAt } from '../tensor/values.ts';

type Map = (A: Tensor) => Tensor;

test.each([1, 2, 3, 4])(
  'log |det| of %d rows, its gradient and second derivative are those of elimination',
  (d) => {
    const slope =
      (f: Map): Map =>
      (A) =>
        grad((x: Tensor) => sum(f(x)))(A);
    const A = normals(d, [5, d, d]);
    for (const derivative of [(f: Map) => f, slope, (f: Map) => slope(slope(f))]) {
      const scale = Math.max(1, ...numbersAt(derivative(logAbsDeterminant), A).map(Math.abs));
      const errors = numbersAt((x) => sub(derivative(logAbsDet)(x), derivative(logAbsDeterminant)(x)), A);
      expect(Math.max(...errors.map(Math.abs)) / scale).toBeLessThan(1e-11);
    }
  },
);
