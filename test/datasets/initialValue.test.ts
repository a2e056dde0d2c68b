import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { burgers } from '../../datasets/burgers.ts';
import { heat } from '../../datasets/heat.ts';
import { ks, type KsOptions } from '../../datasets/ks.ts';
import { hashOf, readPairs, writePairs, type OperatorPairs } from '../../datasets/pairs.ts';
import { readNpz, writeNpz } from '../../datasets/npz.ts';
import { datasets } from '../../datasets/registry.ts';
import { relativeL2 } from '../../solvers/solve.ts';

const cache = mkdtempSync(path.join(tmpdir(), 'sextant-initial-value-'));
afterAll(() => rmSync(cache, { recursive: true }));

const row = (values: Float32Array, s: number, i: number): Float64Array =>
  Float64Array.from(values.subarray(i * s, (i + 1) * s));

/** Multiplies Fourier mode k ≥ 0 by a real factor, by the definition of the transform. */
function scaleModes(u: Float64Array, factor: (k: number) => number): Float64Array {
  const n = u.length;
  return Float64Array.from({ length: n }, (_, j) => {
    let total = 0;
    for (let k = 0; k < n; k++) {
      const weight = factor(Math.min(k, n - k)) / n;
      for (let i = 0; i < n; i++) total += weight * u[i] * Math.cos((2 * Math.PI * k * (i - j)) / n);
    }
    return total;
  });
}

/** Mean relative L2 error over the test split of a map from inputs to outputs. */
function meanError(pairs: OperatorPairs, predict: (u: Float64Array) => Float64Array): number {
  const s = pairs.x.length;
  const { count, input, output } = pairs.test;
  let total = 0;
  for (let i = 0; i < count; i++) total += relativeL2(predict(row(input, s, i)), row(output, s, i));
  return total / count;
}

test('the registry lists the data sets', () => {
  expect(datasets().map(({ name }) => name)).toEqual(
    expect.arrayContaining(['burgers', 'heat', 'ks', 'kdv']),
  );
});

describe('Kuramoto–Sivashinsky', () => {
  const small = { train: 2, validation: 1, test: 20, resolution: 64, fine: 256 } satisfies KsOptions;

  test('eight waves of variance 1/2; at T = 1 neither the linear propagator (0.27) nor the identity (0.28) comes near (L = 64)', async () => {
    const pairs = await ks({ ...small, test: 100 }, { cache });
    const squares = pairs.test.input.reduce((total, value) => total + value * value, 0);
    expect(Math.abs(squares / pairs.test.input.length - 0.5)).toBeLessThan(0.08);
    const first = row(pairs.test.input, 64, 0);
    expect(
      relativeL2(
        scaleModes(first, (k) => (k >= 1 && k <= 8 ? 1 : 0)),
        first,
      ),
    ).toBeLessThan(1e-6);
    const growth = (k: number): number => ((2 * Math.PI * k) / 64) ** 2 - ((2 * Math.PI * k) / 64) ** 4;
    // Means over 400 samples of an independent solver: 0.267 and 0.282.
    const linear = meanError(pairs, (u) => scaleModes(u, (k) => Math.exp(growth(k))));
    expect(Math.abs(linear - 0.267)).toBeLessThan(0.03);
    expect(Math.abs(meanError(pairs, (u) => u) - 0.282)).toBeLessThan(0.03);
    expect(pairs.provenance.labelErrorEstimate).toBeGreaterThan(0);
    expect(pairs.provenance.labelErrorEstimate).toBeLessThan(1e-5);
    expect(pairs.rollout).toBeUndefined();
  });

  test('a rollout begins with the input, goes on with the output, and obeys u(2T) = S(u(T))', async () => {
    const options = { ...small, test: 2, length: '32pi', resolution: 256 } as const;
    const followed = await ks({ ...options, frames: 2 }, { cache });
    const twice = await ks({ ...options, time: 2 }, { cache });
    const { rollout } = followed;
    expect([...rollout!.times]).toEqual([0, 1, 2]);
    expect(rollout!.states).toHaveLength(2 * 3 * 256);
    for (const i of [0, 1]) {
      expect(row(rollout!.states, 256, 3 * i)).toEqual(row(followed.test.input, 256, i));
      expect(row(rollout!.states, 256, 3 * i + 1)).toEqual(row(followed.test.output, 256, i));
      const last = row(rollout!.states, 256, 3 * i + 2);
      expect(relativeL2(last, row(twice.test.output, 256, i))).toBeLessThan(1e-6);
    }
    expect(rollout!.errorEstimate[0]).toBe(0);
    expect(rollout!.errorEstimate[2]).toBeGreaterThan(0);
    expect(rollout!.errorEstimate[2]).toBeLessThan(1e-5);
    // The pairs are those of the set without rollouts.
    const plain = await ks(options, { cache });
    expect(plain.train).toEqual(followed.train);
    expect(plain.test).toEqual(followed.test);
    expect(plain.provenance.hash).not.toBe(followed.provenance.hash);
  });

  test('a rollout is strided, written and read back like the pairs; damaged shapes are refused', async () => {
    const pairs = await ks({ ...small, test: 2, frames: 3 }, { cache });
    expect(pairs.rollout!.states).toHaveLength(2 * 4 * 64);
    expect(row(pairs.rollout!.states, 64, 4)).toEqual(row(pairs.test.input, 64, 1));
    const file = path.join(cache, 'rollout.npz');
    await writePairs(file, pairs);
    const back = await readPairs(file);
    expect(back.rollout).toEqual(pairs.rollout);
    expect(back.provenance.hash).toBe(pairs.provenance.hash);
    expect(pairs.provenance.labelErrorEstimate).toBeGreaterThan(0);
    expect(back.provenance.labelErrorEstimate).toBe(pairs.provenance.labelErrorEstimate);
    const arrays = await readNpz(file);
    const cut = { ...arrays, rollout_times: arrays['test_input'] };
    await writeNpz(file, cut);
    await expect(readPairs(file)).rejects.toThrow('expected [test samples, times, points]');
    expect(hashOf({ ...pairs, rollout: undefined } as never)).not.toBe(pairs.provenance.hash);
  });

  test.each([
    [{ resolution: 48 }, 'resolution: 48 does not divide the fine grid of 256 points'],
    [{ length: '22' }, 'length'],
    [{ time: 0 }, 'time'],
    [{ fine: 128 }, 'fine'],
  ])('refused: %j', async (change, message) => {
    await expect(ks({ ...small, ...change } as KsOptions, { cache })).rejects.toThrow(message);
  });
});

describe('Burgers', () => {
  /** Cole–Hopf: u = −2ν φ_x/φ where φ obeys the heat equation and φ(0) = exp(−∫u/2ν). */
  function coleHopf(u: Float64Array, viscosity: number): Float64Array {
    const n = u.length;
    const wave = (k: number): number => 2 * Math.PI * (k <= n / 2 ? k : k - n);
    const transform = (values: readonly [number, number][], sign: 1 | -1): [number, number][] =>
      values.map((_, k) =>
        values.reduce<[number, number]>(
          ([a, b], [re, im], j) => {
            const angle = (sign * 2 * Math.PI * ((j * k) % n)) / n;
            const [c, s] = [Math.cos(angle), Math.sin(angle)];
            return [a + re * c - im * s, b + re * s + im * c];
          },
          [0, 0],
        ),
      );
    const spectrum = transform(
      Array.from(u, (value): [number, number] => [value, 0]),
      -1,
    );
    // ∫u has the modes û/(iκ).
    const integral = transform(
      spectrum.map(([re, im], k): [number, number] =>
        k === 0 || 2 * k === n ? [0, 0] : [im / wave(k) / n, -re / wave(k) / n],
      ),
      1,
    );
    const heated = transform(
      integral.map(([re]): [number, number] => [Math.exp(-re / (2 * viscosity)), 0]),
      -1,
    ).map(([re, im], k): [number, number] => {
      const decay = Math.exp(-viscosity * wave(k) ** 2) / n;
      return [re * decay, im * decay];
    });
    const phi = transform(heated, 1);
    const slope = transform(
      heated.map(([re, im], k): [number, number] => (2 * k === n ? [0, 0] : [-im * wave(k), re * wave(k)])),
      1,
    );
    return Float64Array.from(phi, ([value], j) => (-2 * viscosity * slope[j][0]) / value);
  }

  test('recipe paper agrees with the Cole–Hopf solution', async () => {
    const pairs = await burgers({ train: 1, validation: 0, test: 3, fine: 256, resolution: 256 }, { cache });
    expect(meanError(pairs, (u) => coleHopf(u, 0.1))).toBeLessThan(1e-5);
    expect(pairs.provenance.labelErrorEstimate).toBeLessThan(1e-5);
  });

  test('the recipes have the fields of article and script: deviations .43 and .28, and fronts in the second only', async () => {
    const options = { train: 1, validation: 0, test: 5, fine: 512, resolution: 512 } as const;
    const [paper, script] = await Promise.all([
      burgers({ ...options, recipe: 'paper' }, { cache }),
      burgers({ ...options, recipe: 'script' }, { cache }),
    ]);
    const deviation = (values: Float32Array): number =>
      Math.sqrt(values.reduce((total, value) => total + value * value, 0) / values.length);
    // Σ 2·625·((2πk)² + 25)^−2 and Σ 2·49²·((2πk)² + 49)^−2.5 are the pointwise variances.
    const variance = (tau: number, gamma: number): number =>
      Array.from(
        { length: 256 },
        (_, i) => 2 * tau ** 4 * ((2 * Math.PI * (i + 1)) ** 2 + tau ** 2) ** -gamma,
      ).reduce((a, b) => a + b, 0);
    expect(deviation(paper.test.input) / Math.sqrt(variance(5, 2))).toBeCloseTo(1, 0);
    expect(deviation(script.test.input) / Math.sqrt(variance(7, 2.5))).toBeCloseTo(1, 0);
    const steepest = ({ test: { count, output } }: OperatorPairs): number =>
      Array.from({ length: count }, (_, i) => row(output, 512, i)).reduce(
        (most, u) => Math.max(most, ...u.map((value, j) => Math.abs(u[(j + 1) % 512] - value) * 512)),
        0,
      );
    expect(steepest(paper)).toBeLessThan(0.5);
    expect(steepest(script)).toBeGreaterThan(5);
    expect(script.provenance.labelErrorEstimate).toBeLessThan(1e-4);
  });
});

test('heat: every mode decays as e^(−ακ²t), exactly', async () => {
  const options = { train: 1, validation: 0, test: 3, fine: 64, resolution: 64, time: 0.5 } as const;
  const pairs = await heat({ ...options, diffusivity: 0.02, frames: 2 }, { cache });
  const decay =
    (time: number) =>
    (k: number): number =>
      Math.exp(-0.02 * (2 * Math.PI * k) ** 2 * time);
  expect(meanError(pairs, (u) => scaleModes(u, decay(0.5)))).toBeLessThan(1e-6);
  const last = row(pairs.rollout!.states, 64, 2);
  expect(relativeL2(scaleModes(row(pairs.test.input, 64, 0), decay(1)), last)).toBeLessThan(1e-6);
  expect(pairs.provenance.labelErrorEstimate).toBe(0);
});

describe('solutions that decay', () => {
  const tiny = { train: 1, validation: 0, test: 2, fine: 64, resolution: 64 } as const;

  test('heat near the end of what float64 can tell has exact labels still, without the rounding of a mean', async () => {
    const { train } = await heat({ ...tiny, time: 69 }, { cache });
    const decay = (k: number): number => Math.exp(-0.01 * (2 * Math.PI * k) ** 2 * 69);
    const exact = scaleModes(row(train.input, 64, 0), (k) => (k === 0 ? 0 : decay(k)));
    expect(Math.max(...train.output)).toBeLessThan(1e-11);
    expect(relativeL2(row(train.output, 64, 0), exact)).toBeLessThan(3e-7);
  });

  test.each<[string, () => Promise<OperatorPairs>, string]>([
    [
      't = 150 has decayed to',
      () => heat({ ...tiny, time: 150 }, { cache }),
      'expected at least 1e-12: less may be rounding; choose a smaller --time',
    ],
    [
      't = 90 has decayed to',
      () => heat({ ...tiny, time: 30, frames: 5 }, { cache }),
      'choose a smaller --time or fewer --frames',
    ],
    ['t = 10 has decayed to', () => burgers({ ...tiny, time: 10 }, { cache }), 'choose a smaller --time'],
  ])('refused: the solution at %s its rounding', async (place, make, advice) => {
    const refusal = await make().then(String, String);
    expect(refusal).toContain(place);
    expect(refusal).toContain(advice);
  });
});
