import fc from 'fast-check';
import { expect, test } from 'vitest';
import { array, mul, square, sum } from '../../src/tensor/index.ts';
import { adam, FLUSH_EVERY, flushTiny, sgd, train } from '../../src/nn/index.ts';

const SMALLEST_NORMAL = 2 ** -126;

const optimizer = adam({ learningRate: 1e-3, weightDecay: 1e-4 });
const ordinary = fc.float({ min: Math.fround(1e-26), noNaN: true });
const tiny = fc.float({ min: 0, max: Math.fround(8e-28), noNaN: true });

test('values of ordinary size pass unchanged, tiny ones become zero, in arrays of their own', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(ordinary, tiny)), (pairs) => {
      const values = Float32Array.from(pairs.flatMap(([x, y]) => [x, -y, 0, -x, y, -0]));
      const given = values.slice();
      const [[parameters], [first], [second]] = flushTiny(
        { optimizer },
        Array.from({ length: 3 }, () => [array(values)]),
      );
      // −0 would be told from 0.
      const expected = pairs.flatMap(([x, y]) => [x, y === 0 ? -0 : 0, 0, -x, 0, -0]);
      expect(Array.from(parameters.data)).toEqual(expected);
      expect(first.data).toEqual(parameters.data);
      expect(second.data).toEqual(given);
      expect(values).toEqual(given);
    }),
  );
});

test('between two flushes no moment becomes subnormal where the gradient has ended', () => {
  // The moment of the largest value that a flush takes, and a parameter that decays as fast as Adam with decay can make it.
  const decay = (factor: number): number => 2 ** -90 * factor ** FLUSH_EVERY;
  expect(decay(0.9)).toBeGreaterThan(SMALLEST_NORMAL);
  expect(decay(Math.sqrt(0.9))).toBeGreaterThan(SMALLEST_NORMAL);
});

/** One epoch of 300 steps on −½ p², which take p to p (1 + rate), from 5 · 10⁻²⁸. */
async function grown(rateAt: (step: number) => number): Promise<number> {
  const rates = { description: 'given', factor: ({ step }: { step: number }) => rateAt(step) };
  const { parameters } = await train({
    init: () => ({ p: array(Float32Array.of(5e-28)) }),
    loss: ({ p }) => mul(-0.5, sum(square(p))),
    data: { train: { x: array(new Float32Array(300)) } },
    optimizer: sgd({ learningRate: 1 }),
    schedule: rates,
    epochs: 1,
    batchSize: 1,
    seed: 0,
    threads: 1,
  });
  return parameters.p.data[0];
}

test('a training flushes at fixed steps, however many run at once', async () => {
  const still = await grown((step) => (step < FLUSH_EVERY ? 0 : 0.25));
  expect(still).toBe(0);
  const early = await grown((step) => (step < FLUSH_EVERY ? 0.25 : 0));
  expect(early / (5e-28 * 1.25 ** FLUSH_EVERY)).toBeCloseTo(1, 4);
});
