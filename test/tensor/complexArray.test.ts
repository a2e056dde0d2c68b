/** Complex arrays between files, [re, im, re, im, …], and programs, which take the parts apart. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { complexArray, deinterleave, interleave } from '../../src/tensor/complexArray.ts';

test('parts are taken out of the order of files and put back, in either precision', () => {
  const { re, im } = deinterleave(Float64Array.of(1, 2, 3, 4, 5, 6), [3, 1]);
  expect(re).toEqual({ data: Float64Array.of(1, 3, 5), shape: [3, 1], dtype: 'float64' });
  expect(im).toEqual({ data: Float64Array.of(2, 4, 6), shape: [3, 1], dtype: 'float64' });
  const numbers = fc.array(fc.double({ noNaN: true }), { maxLength: 20 });
  fc.assert(
    fc.property(numbers, fc.constantFrom(Float32Array, Float64Array), (half, Container) => {
      const values = Container.from([...half, ...half]);
      expect(interleave(deinterleave(values, [half.length]))).toEqual(values);
    }),
  );
});

test('parts that do not fill the shape are refused with both numbers', () => {
  expect(() => deinterleave(new Float32Array(5), [3])).toThrow('5 numbers for shape [3], expected 6');
  expect(() => complexArray(new Float32Array(3), new Float32Array(2), [3])).toThrow();
});
