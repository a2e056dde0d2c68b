/** The spectral convolution on any number of axes: which modes it keeps, and Hermitian weights. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { matmul, reshape, transpose, type Tensor } from '../../src/tensor/index.ts';
import { key } from '../../src/tensor/random.ts';
import {
  fieldToModes,
  hermitianWeights,
  keptFrequencies,
  keptWeights,
  modesToField,
} from '../../src/operators/fourierModes.ts';
import { initSpectral, realForm, spectralConvolution } from '../../src/operators/spectral.ts';
import * as loops from './spaceTimeReference.ts';
import type { Field } from './spaceTimeReference.ts';
import { batchOf, enlarge, evaluate, expectClose, random, samples } from './spaceTimeSupport.ts';

describe('spectral convolution on any number of axes', () => {
  test.each([
    [[9], [3]],
    [[8], [9]],
    [
      [6, 5],
      [2, 2],
    ],
    [
      [4, 6],
      [2, 4],
    ],
    [
      [3, 7],
      [5, 6],
    ],
    [
      [5, 3, 4],
      [2, 2, 3],
    ],
    [
      [2, 1, 7],
      [3, 2, 2],
    ],
  ])('grid %j, modes %j: equals the DFT by its definition', async (grid, modes) => {
    const [input, output] = [2, 3];
    const weights = enlarge(initSpectral(key(1), modes, input, output), 5);
    const u = random(2, [2, ...grid, input]);
    const actual = await evaluate(spectralConvolution, weights, u);
    const kernel = loops.kernelOf(weights, grid.length);
    expectClose(
      actual,
      batchOf(samples(u).map((field) => loops.spectral(kernel, modes, output, field))),
      1e-12,
    );
  });

  test('keeps what the axis has: −m … m − 1, and 0 … m − 1 in time', () => {
    const ranges = (grid: number[], modes: number[]): number[][] =>
      keptFrequencies(grid, modes).map(({ from, count }) => [from + 0, from + count - 1]);
    expect(ranges([64, 64, 40], [8, 8, 8])).toEqual([
      [-8, 7],
      [-8, 7],
      [0, 7],
    ]);
    expect(ranges([50, 3, 7], [10, 2, 4])).toEqual([
      [-10, 9],
      [-1, 1],
      [0, 3],
    ]);
    expect(ranges([4, 1, 6], [9, 9, 9])).toEqual([
      [-2, 1],
      [0, 0],
      [0, 3],
    ]);
  });

  test('Hermitian weights act alike, and the spectrum they leave is that of a real field', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 3 }),
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 3, maxLength: 3 }),
        fc.integer({ min: 0, max: 1000 }),
        async (grid, wanted, seed) => {
          const modes = wanted.slice(0, grid.length);
          const weights = random(seed, [...initSpectral(key(seed), modes, 2, 2).shape]);
          const kept = keptFrequencies(grid, modes);
          const hermitian = await evaluate(
            (w: Tensor) => hermitianWeights(keptWeights(w, kept), kept),
            weights,
          );
          // The full complex inverse DFT of W û, with conj W(−κ) where κ is not kept but −κ is, is real at every point.
          const u = samples(random(seed + 1, [1, ...grid, 2]))[0];
          const plain = loops.spectral(loops.kernelOf(weights, grid.length), modes, 2, u);
          const [real, imaginary] = complexConvolution(u, kept, hermitian);
          const scale = Math.max(...plain.data.map(Math.abs), 1);
          plain.data.forEach((v, i) => {
            expect(Math.abs(real[i] - v)).toBeLessThan(1e-12 * scale);
            expect(Math.abs(imaginary[i])).toBeLessThan(1e-12 * scale);
          });
        },
      ),
      { numRuns: 25 },
    );
  });

  test('powers on the modes, Hermitian weights first and the kept ones last, are the convolution again and again', async () => {
    const onModes = (power: number, kept: ReturnType<typeof keptFrequencies>) => (w: Tensor, u: Tensor) => {
      const [batch] = u.shape;
      const own = keptWeights(w, kept);
      const [between, last] = [realForm(hermitianWeights(own, kept)), realForm(own)];
      const modes = reshape(fieldToModes(u, kept), [batch, -1, 2 * 2]);
      let z = transpose(modes, [1, 0, 2]);
      for (let i = 1; i < power; i++) z = matmul(z, between);
      return modesToField(reshape(transpose(matmul(z, last), [1, 0, 2]), [batch, -1, 2, 2]), kept);
    };
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 3 }),
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 3, maxLength: 3 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 0, max: 1000 }),
        async (grid, wanted, power, seed) => {
          const modes = wanted.slice(0, grid.length);
          const weights = random(seed, [...initSpectral(key(seed), modes, 2, 2).shape]);
          const u = random(seed + 1, [2, ...grid, 2]);
          const again = (w: Tensor, v: Tensor): Tensor =>
            Array.from({ length: power }).reduce((field: Tensor) => spectralConvolution(w, field), v);
          const expected = await evaluate(again, weights, u);
          const scale = Math.max(...Array.from(expected, Math.abs), 1);
          const actual = await evaluate(onModes(power, keptFrequencies(grid, modes)), weights, u);
          expectClose(actual, expected, 1e-12 * scale);
        },
      ),
      { numRuns: 25 },
    );
  });
});

/** The inverse complex DFT of W û over all frequencies of the grid; W on kept κ, conj W(−κ) on kept −κ with κ_D ≠ 0. */
function complexConvolution(
  u: Field,
  kept: ReturnType<typeof keptFrequencies>,
  weights: ArrayLike<number>,
): [number[], number[]] {
  const { grid } = u;
  const last = grid.length - 1;
  const all = [...loops.points(grid)];
  const n = all.length;
  const real = new Array<number>(n * 2).fill(0);
  const imaginary = new Array<number>(n * 2).fill(0);
  const placeOf = (kappa: readonly number[]): number | undefined => {
    let place = 0;
    for (const [axis, { from, count, n: size }] of kept.entries()) {
      const digit = [0, size, -size].map((by) => kappa[axis] + by - from).find((d) => d >= 0 && d < count);
      if (digit === undefined) return undefined;
      place = place * count + digit;
    }
    return place;
  };
  for (const kappa of all) {
    const self = kappa[last] === 0 || 2 * kappa[last] === grid[last];
    const direct = placeOf(kappa);
    const mirrored = self ? undefined : placeOf(kappa.map((k) => -k));
    // A half weight of an unpaired mode belongs to its mirror image as well: there W is conj W(−κ).
    const image = self && direct === undefined ? placeOf(kappa.map((k) => -k)) : mirrored;
    const place = direct ?? image;
    if (place === undefined) continue;
    const sign = direct === undefined ? -1 : 1;
    const phase = (index: readonly number[]): number =>
      2 * Math.PI * kappa.reduce((total, k, axis) => total + (k * index[axis]) / grid[axis], 0);
    for (let i = 0; i < 2; i++) {
      let [a, b] = [0, 0];
      for (const index of all) {
        a += loops.at(u, index)[i] * Math.cos(phase(index));
        b -= loops.at(u, index)[i] * Math.sin(phase(index));
      }
      for (let o = 0; o < 2; o++) {
        const [c, d] = [weights[(place * 2 + i) * 4 + o], sign * weights[(place * 2 + i) * 4 + 2 + o]];
        const [re, im] = [(a * c - b * d) / n, (a * d + b * c) / n];
        all.forEach((index, x) => {
          real[x * 2 + o] += re * Math.cos(phase(index)) - im * Math.sin(phase(index));
          imaginary[x * 2 + o] += re * Math.sin(phase(index)) + im * Math.cos(phase(index));
        });
      }
    }
  }
  return [real, imaginary];
}

test('a mode of an even axis that is its own mirror image has a real matrix', async () => {
  const kept = keptFrequencies([4, 2], [2, 2]);
  const weights = random(11, [4, 2, 1, 2]);
  const form = await evaluate((w: Tensor) => realForm(hermitianWeights(keptWeights(w, kept), kept)), weights);
  // Frequencies (−2 … 1) × (0, 1): of (−2, 0), (−2, 1), (0, 0) and (0, 1) the imaginary part is gone.
  for (const mode of [0, 1, 4, 5]) expect(Math.abs(form[mode * 4 + 1])).toBe(0);
  for (const mode of [2, 3, 6, 7]) expect(Math.abs(form[mode * 4 + 1])).toBeGreaterThan(0);
});
