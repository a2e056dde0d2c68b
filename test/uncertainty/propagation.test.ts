import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  array,
  constant,
  exp,
  matmul,
  mul,
  reshape,
  sin,
  square,
  stack,
  sum,
  tanh,
  transpose,
  vmap,
  type NDArray,
  type Tensor,
} from '../../src/tensor/index.ts';
import { foldIn, key, normal } from '../../src/tensor/random.ts';
import { agreement } from '../../src/uncertainty/agreement.ts';
import { monteCarlo } from '../../src/uncertainty/monteCarlo.ts';
import type { InputNoise } from '../../src/uncertainty/noise.ts';
import { propagateNoise } from '../../src/uncertainty/propagation.ts';

const exact = { engine: 'reference', dtype: 'float64' } as const;
const draw = (seed: number, shape: number[]): NDArray =>
  array(
    normal(
      key(seed),
      shape.reduce((a, b) => a * b, 1),
    ),
    shape,
  );

/** A Σ Aᵀ by plain loops, with Σ = L Lᵀ: [m, m]. */
function outputCovariance(a: NDArray, l: NDArray): Float64Array {
  const [m, size] = a.shape;
  const rank = l.shape[1];
  const product = Float64Array.from({ length: m * rank }, (_, at) => {
    const [i, r] = [Math.floor(at / rank), at % rank];
    let total = 0;
    for (let k = 0; k < size; k++) total += a.data[i * size + k] * l.data[k * rank + r];
    return total;
  });
  return Float64Array.from({ length: m * m }, (_, at) => {
    const [i, j] = [Math.floor(at / m), at % m];
    let total = 0;
    for (let r = 0; r < rank; r++) total += product[i * rank + r] * product[j * rank + r];
    return total;
  });
}

const diagonalOf = (values: ArrayLike<number>, size: number): NDArray =>
  array(
    Float64Array.from({ length: size * size }, (_, at) =>
      at % (size + 1) === 0 ? values[at / (size + 1)] : 0,
    ),
    [size, size],
  );

const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i])));

test('a linear map: √diag(A Σ Aᵀ) for every form of Σ, by columns and by rows', async () => {
  const [n, m, size] = [3, 5, 4];
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 1000 }),
      fc.constantFrom('columns', 'rows'),
      async (seed, method) => {
        const a = draw(seed, [m, size]);
        const f = (x: Tensor): Tensor => matmul(x, transpose(constant(a)));
        const deviation = array(draw(seed + 1, [size]).data.map(Math.abs), [size]);
        const cases: [InputNoise, NDArray][] = [
          [{ deviation: 0.3 }, diagonalOf(new Float64Array(size).fill(0.3), size)],
          [{ deviation }, diagonalOf(deviation.data, size)],
          [{ factor: draw(seed + 2, [size, 2]) }, draw(seed + 2, [size, 2])],
        ];
        for (const [noise, factor] of cases) {
          const x = draw(seed + 3, [n, size]);
          // Three at once does not divide four or five: the last pass is shorter.
          const found = await propagateNoise(f, x, { noise, method, productsAtOnce: 3, ...exact });
          const covariance = outputCovariance(a, factor);
          const expected = Float64Array.from({ length: n * m }, (_, i) =>
            Math.sqrt(covariance[(i % m) * (m + 1)]),
          );
          expect(found.deviation.shape).toEqual([n, m]);
          expect(largestDifference(found.deviation.data, expected)).toBeLessThan(1e-10);
          expect(found.standardError).toBeNull();
        }
      },
    ),
    { numRuns: 8 },
  );
});

/** [n, 3] → [n, 2, 2], with a derivative that differs from sample to sample. */
const bent = vmap((x: Tensor): Tensor => {
  const w = constant(draw(7, [3, 2]).data, [3, 2]);
  const h = tanh(reshape(matmul(reshape(x, [1, 3]), w), [2]));
  return stack([h, sin(mul(2, h))], 0);
});

test('the method is the cheaper one, and values are those of the function at each sample', async () => {
  const x = draw(3, [2, 3]);
  const found = await propagateNoise(bent, x, { noise: { deviation: 0.01 }, ...exact });
  expect([found.method, found.products]).toEqual(['columns', 3]);
  const lone = await propagateNoise((u) => sum(square(u), 1), x, { noise: { deviation: 0.01 }, ...exact });
  expect([lone.method, lone.products]).toEqual(['rows', 1]);
  for (let i = 0; i < 2; i++) {
    const row = x.data.subarray(3 * i, 3 * i + 3);
    const norm = Math.hypot(...row);
    expect(lone.value.data[i]).toBeCloseTo(norm * norm, 12);
    // ∇‖x‖² = 2x
    expect(lone.deviation.data[i]).toBeCloseTo(0.02 * norm, 12);
  }
});

test('small noise through a bent map: first order agrees with sampling within its error, whatever the engine', async () => {
  const x = draw(4, [2, 3]);
  const noise = { deviation: 1e-3 };
  const samples = 4000;
  const first = await propagateNoise(bent, x, { noise, ...exact });
  const sampled = await monteCarlo(bent, x, { noise, samples, seed: 1, ...exact });
  const z = first.deviation.data.map(
    (value, i) => (value - sampled.deviation.data[i]) / sampled.standardError.data[i],
  );
  // Eight numbers: |z| > 4 happens once in 2000 seeds.
  expect(Math.max(...z.map(Math.abs))).toBeLessThan(4);
  const { relativeError, resolution, slope, correlation } = agreement(
    first.deviation.data,
    sampled.deviation.data,
    sampled.standardError.data,
  );
  expect(relativeError).toBeLessThan(3 * (resolution ?? 0));
  expect(Math.abs(slope - 1)).toBeLessThan(3 * (resolution ?? 0));
  expect(correlation).toBeGreaterThan(0.99);
  const float32 = await propagateNoise(bent, x, { noise });
  expect(largestDifference(float32.deviation.data, first.deviation.data)).toBeLessThan(1e-8);
});

test('random probes: within their standard error, and nearer with more of them', async () => {
  const x = draw(5, [4, 30]);
  const a = draw(6, [30, 30]);
  const f = (u: Tensor): Tensor => tanh(mul(0.1, matmul(u, constant(a))));
  const noise = { deviation: 0.2 };
  const truth = await propagateNoise(f, x, { noise, ...exact });
  const errorWith = async (probes: number): Promise<number> => {
    const found = await propagateNoise(f, x, { noise, method: 'probes', probes, ...exact });
    const z = found.deviation.data.map(
      (value, i) => (value - truth.deviation.data[i]) / (found.standardError?.data[i] ?? NaN),
    );
    const rms = Math.sqrt(Array.from(z, (value) => value * value).reduce((a, b) => a + b) / z.length);
    expect(rms).toBeGreaterThan(0.7);
    expect(rms).toBeLessThan(1.4);
    return agreement(found.deviation.data, truth.deviation.data).relativeError;
  };
  const [few, many] = [await errorWith(100), await errorWith(1600)];
  expect(many).toBeLessThan(few / 2.5);
});

test('noise far below and above one is not lost in float32', async () => {
  const x = draw(8, [1, 6]);
  for (const deviation of [1e-30, 1e30]) {
    const found = await propagateNoise((u) => mul(u, 2), x, { noise: { deviation } });
    for (const value of found.deviation.data) expect(value / deviation).toBeCloseTo(2, 6);
  }
});

test('sampling: the log-normal distribution beyond first order, with an error bar that holds', async () => {
  const σ = 0.3;
  const samples = 2000;
  const x = array(new Float64Array(50), [50, 1]);
  const { mean, deviation, standardError } = await monteCarlo((u) => exp(u), x, {
    noise: { deviation: σ },
    samples,
    ...exact,
  });
  const average = (values: ArrayLike<number>): number =>
    Array.from(values).reduce((total, value) => total + value, 0) / values.length;
  const trueMean = Math.exp(σ ** 2 / 2);
  const trueDeviation = trueMean * Math.sqrt(Math.exp(σ ** 2) - 1);
  expect(Math.abs(average(mean.data) - trueMean)).toBeLessThan((4 * trueDeviation) / Math.sqrt(50 * samples));
  // The kurtosis of this distribution widens the error bar of a normal one 1.4-fold.
  expect(Math.abs(average(deviation.data) - trueDeviation)).toBeLessThan(
    (4 * 1.4 * standardError.data[0]) / Math.sqrt(50),
  );
  expect(trueDeviation / σ).toBeGreaterThan(1.05);
});

test('draws do not depend on how many are made at once', async () => {
  const x = draw(9, [2, 3]);
  const noise = { factor: draw(10, [3, 2]) };
  const of = (samplesAtOnce: number) => monteCarlo(bent, x, { noise, samples: 7, samplesAtOnce, ...exact });
  const [one, three] = await Promise.all([of(1), of(3)]);
  expect(three.mean.data).toEqual(one.mean.data);
  expect(three.deviation.data).toEqual(one.deviation.data);
  const z = Float64Array.from({ length: 7 }, (_, j) => normal(foldIn(key(0), j), 1)[0]);
  const alone = await monteCarlo((u) => u, array(new Float64Array(1), [1, 1]), {
    noise: { deviation: 2 },
    samples: 7,
    ...exact,
  });
  expect(alone.mean.data[0]).toBeCloseTo((2 * z.reduce((a, b) => a + b, 0)) / 7, 12);
});

test('what does not fit is refused with the reason', async () => {
  const x = draw(1, [2, 3]);
  const propagate = (noise: InputNoise, f = (u: Tensor): Tensor => u) =>
    propagateNoise(f, x, { noise, ...exact });
  await expect(propagate({ factor: draw(1, [2, 2]) })).rejects.toThrow('expected [3, rank]');
  await expect(propagate({ deviation: draw(1, [2]) })).rejects.toThrow('the deviation has shape [2]');
  await expect(propagate({ deviation: -1 })).rejects.toThrow('negative');
  await expect(propagate({ deviation: NaN })).rejects.toThrow('holds NaN');
  await expect(propagate({ deviation: 1 }, (u) => sum(u))).rejects.toThrow('through vmap');
  await expect(monteCarlo((u) => u, x, { noise: { deviation: 1 }, samples: 1 })).rejects.toThrow(
    'samples is 1',
  );
  expect(() => agreement([1], [1, 2])).toThrow('estimate has 1 values');
  expect(() => agreement([1], [0])).toThrow('zero everywhere');
});
