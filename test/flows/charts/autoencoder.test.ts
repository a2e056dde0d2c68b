import { expect, test } from 'vitest';
import { array, grad, mapTree, sum, type NDArray, type Tensor } from '../../../src/tensor/index.ts';
import { key, normal, uniform } from '../../../src/tensor/random.ts';
import { initAutoencoder, quantisationLoss } from '../../../src/flows/charts/autoencoder.ts';
import { findCharts, idleCentres } from '../../../src/flows/charts/findCharts.ts';
import { nearestCentres } from '../../../src/flows/charts/kMeans.ts';
import { chartModels } from '../../../src/flows/index.ts';
import { evaluate } from '../support.ts';

test('the loss is that of the formula; decoder gradients go straight through to the encoder', async () => {
  // One linear layer each way: E(x) = a x, D(c) = b c, one number a sample.
  const weight = (w: number) => [{ weight: array([w], [1, 1]), bias: array([0], [1]) }];
  const [a, b, x] = [0.7, 1.3, 2];
  const p = {
    autoencoder: { encoder: weight(a), decoder: weight(b) },
    centres: array([1, 5], [2, 1]),
  };
  const loss = (q: never, v: Tensor): Tensor => sum(quantisationLoss(q, v));
  const samples = array([x], [1, 1]);
  const [code, q] = [a * x, 1];
  const value = await evaluate(loss, [p, samples]);
  expect(value.data[0]).toBeCloseTo((x - b * q) ** 2 + 1.25 * (code - q) ** 2, 12);
  const slopes = (await evaluate(grad(loss as never) as never, [p, samples])) as unknown as typeof p;
  // ∂/∂D(q) · b as if q were the code, and the commitment.
  expect(slopes.autoencoder.encoder[0].weight.data[0]).toBeCloseTo(
    (-2 * (x - b * q) * b + 0.25 * 2 * (code - q)) * x,
    12,
  );
  expect(slopes.autoencoder.decoder[0].weight.data[0]).toBeCloseTo(-2 * (x - b * q) * q, 12);
  expect([...slopes.centres.data]).toEqual([expect.closeTo(-2 * (code - q), 12), 0]);
});

test('idle centres are those with fewer than one in a thousand', () => {
  const assignment = new Int32Array(4000);
  assignment.fill(1, 0, 3);
  assignment.fill(2, 3, 8);
  expect(idleCentres(assignment, 4)).toEqual([1, 3]);
});

/** A circle in a plane of five dimensions, with little noise. */
function circle(n: number): NDArray {
  const angle = uniform(key(4), n);
  const noise = normal(key(5), 5 * n);
  return array(
    noise.map((z, i) => {
      const t = 2 * Math.PI * angle[Math.floor(i / 5)];
      return [Math.cos(t), Math.sin(t), 0.5 * Math.cos(t), -Math.sin(t), 0][i % 5] + 0.01 * z;
    }),
    [n, 5],
  );
}

test.each(['fading', 'sharp'] as const)(
  'weights of charts with %s edges are those of the samples',
  async (edges) => {
    const [vq] = chartModels;
    const model = vq.create({ shape: [5] }, { charts: 6, epsilon: 0.5, edges, blocks: 1, hidden: [4] });
    const x = circle(600);
    const charts = await findCharts(model, x, { seed: 1, threads: 1 });
    const k = 6;
    const total = Array.from({ length: k }, () => 0);
    for (let i = 0; i < 600; i++) {
      const d = Array.from({ length: k }, (_, c) =>
        Math.hypot(...[0, 1, 2, 3, 4].map((j) => x.data[5 * i + j] - charts.centres.data[5 * c + j])),
      );
      const ratio = d.map((v) => v / Math.min(...d) - 1);
      const phi = ratio.map((r) => (edges === 'sharp' ? Number(r <= 0.5) : Math.max(0, 1 - r / 0.5) ** 2));
      const sum = edges === 'sharp' ? 1 : phi.reduce((a, b) => a + b);
      phi.forEach((v, c) => (total[c] += v / sum));
    }
    const all = total.reduce((a, b) => a + b);
    total.forEach((v, c) => expect(Math.exp(charts.logWeights.data[c])).toBeCloseTo(v / all, 5));
  },
);

test('charts grow until samples are told by their centres, with codes of their own and with trained ones', async () => {
  const x = circle(1200);
  const [vq] = chartModels;
  const growth = { charts: 4, tolerance: 0.02, mostCharts: 64, blocks: 1, hidden: [4] };
  for (const options of [
    growth,
    { ...growth, tolerance: 0.03, code: 2, encoderHidden: [32], encoderEpochs: 12 },
  ]) {
    const model = vq.create({ shape: [5] }, options);
    const { centres, origins, logWeights, autoencoder } = await findCharts(model, x, { seed: 1, threads: 1 });
    const k = centres.shape[0];
    expect(centres.shape[1]).toBe('code' in options ? 2 : 5);
    expect(origins.shape).toEqual([k, 5]);
    expect(k).toBeGreaterThan(4);
    expect(k).toBeLessThan(64);
    expect(Array.from(logWeights.data, Math.exp).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
    expect(autoencoder === undefined).toBe(!('code' in options));
    // Every sample is close to the origin of some chart.
    const { distances } = nearestCentres(x, origins);
    expect(distances.reduce((a, b) => a + b, 0) / x.data.length).toBeLessThan(options.tolerance);
  }
});

test('an encoder has the leaves that its options say', () => {
  const leaves: string[] = [];
  mapTree(initAutoencoder(key(1), 5, { length: 2, hidden: [8, 6], epochs: 1 }), (leaf: NDArray) => {
    leaves.push(leaf.shape.join('×'));
    return leaf;
  });
  expect(leaves.filter((s) => s.includes('×'))).toEqual(['5×8', '8×6', '6×2', '2×6', '6×8', '8×5']);
});
