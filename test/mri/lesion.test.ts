import { expect, test } from 'vitest';
import { lesionDisc, recoveredContrast, rootSumOfSquares, withLesion } from '../../src/mri/index.ts';
import { array, ifft2c } from '../../src/tensor/index.ts';
import { evaluate, numbers, randomComplex, total } from './support.ts';

test('the disc lies where the image varies least, inside the object, and has the pixels of its radius', () => {
  // A checkerboard but for a flat patch around row 8, column 12.
  const [h, w] = [16, 20];
  const at = (i: number): [number, number] => [Math.floor(i / w), i % w];
  const image = array(
    Float64Array.from({ length: h * w }, (_, i) => {
      const [r, c] = at(i);
      return Math.hypot(r - 8, c - 12) < 3.5 ? 2 : 1 + ((r + c) % 2);
    }),
    [h, w],
  );
  const everywhere = new Float64Array(h * w).fill(1);
  const disc = lesionDisc(image, everywhere, { radius: 1.5 });
  const inside = [...numbers(disc).keys()].filter((i) => disc.data[i] === 1).map(at);
  expect(inside).toHaveLength(9);
  expect(Math.min(...inside.map(([r]) => r))).toBe(7);
  expect(Math.min(...inside.map(([, c]) => c))).toBe(11);

  const left = Float64Array.from(everywhere, (_, i) => (at(i)[1] < 10 ? 1 : 0));
  const moved = lesionDisc(image, left, { radius: 1.5 });
  expect(total(moved)).toBe(9);
  expect(numbers(moved).every((value, i) => value === 0 || at(i)[1] < 10)).toBe(true);
  expect(() => lesionDisc(image, everywhere, { radius: 6 })).toThrow('expected a smaller radius');
});

test('fully sampled k-space shows the whole contrast, in the disc and nowhere else', async () => {
  const [c, h, w] = [3, 9, 12];
  const kspace = randomComplex(1, [c, h, w]);
  const disc = array(
    Float64Array.from({ length: h * w }, (_, i) => (i === 40 || i === 41 ? 1 : 0)),
    [h, w],
  );
  const { before, after } = await evaluate(
    (k, d) => ({
      before: rootSumOfSquares(ifft2c(k)),
      after: rootSumOfSquares(ifft2c(withLesion(k, d, 0.3))),
    }),
    [kspace, disc] as const,
  );
  const change = numbers(after).map((x, i) => x - before.data[i]);
  const trueChange = numbers(before).map((x, i) => 0.3 * disc.data[i] * x);
  change.forEach((x, i) => expect(x).toBeCloseTo(trueChange[i], 12));
  expect(recoveredContrast(change, trueChange, disc)).toBeCloseTo(1, 12);
  expect(
    recoveredContrast(
      change.map((x) => x / 2),
      trueChange,
      disc,
    ),
  ).toBeCloseTo(0.5, 12);
});
