import { expect, test } from 'vitest';
import { array, type NDArray, type Tensor } from '../../src/tensor/index.ts';
import { key, normal, uniform } from '../../src/tensor/random.ts';
import {
  bitsPerDimension,
  covarianceOf,
  dequantize,
  dequantized,
  fit,
  flow,
  imageRealNvp,
  inLogits,
  injectiveFlow,
  logProb,
  logitsOf,
  nearestOnCharts,
  nearestOnSurface,
  orthogonal,
  principalDirections,
  principalEmbedding,
  sample,
  standardized,
  uniform as uniformBase,
  vqImageRealNvp,
  vqPrincipalEmbedding,
  affine,
  type Density,
  type FitOptions,
} from '../../src/flows/index.ts';
import {
  batchJacobian,
  evaluate,
  largestDifference,
  logDeterminants,
  noPass,
  perturb,
  training,
} from './support.ts';

const float64 = { dtype: 'float64', threads: 1 } as const;
const mean = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((total, v) => total + v / values.length, 0);

/** Images of random levels: `[n, 1, side, side]` in [0, 1). */
const randomImages = (seed: number, n: number, side: number): NDArray =>
  array(
    Float32Array.from(uniform(key(seed), n * side * side), (u) => Math.floor(256 * u) / 256),
    [n, 1, side, side],
    'float32',
  );

test('E3: the uniform density of images with 256 levels takes exactly 8 bits a dimension', async () => {
  const shape = [1, 4, 4];
  const model = dequantized(flow({ shape, layers: [], base: uniformBase.create() }) as unknown as Density);
  const x = dequantize(randomImages(1, 50, 4), 256, key(2));
  const { data } = await logProb(model, model.init(key(3)), x, {}, float64);
  for (const v of data) expect(bitsPerDimension(-v, { dimensions: 16 })).toBe(8);
});

test('a density that is constant on each level takes the bits of coding the levels', () => {
  // One pixel of two levels with probabilities ¼ and ¾: the entropy is 2 − ¾ log₂ 3.
  const n = 4000;
  const x = array(
    Float32Array.from({ length: n }, (_, i) => (i % 4 === 0 ? 0 : 0.5)),
    [n, 1, 1, 1],
    'float32',
  );
  const noisy = dequantize(x, 2, key(1));
  const nats = Array.from(noisy.data, (v) => -Math.log(v < 0.5 ? 0.5 : 1.5));
  expect(bitsPerDimension(mean(nats), { dimensions: 1, levels: 2 })).toBeCloseTo(2 - 0.75 * Math.log2(3), 10);
});

test('noise stays within the level, fills it evenly, and is that of the key', () => {
  const x = randomImages(1, 200, 8);
  const noisy = dequantize(x, 256, key(5));
  const within = Float64Array.from(noisy.data, (v, i) => 256 * (v - x.data[i]));
  expect(Math.min(...within)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...within)).toBeLessThanOrEqual(1);
  // 12 800 uniform numbers: standard errors 0.0026 and 0.0007.
  expect(mean(within)).toBeCloseTo(0.5, 1.9);
  expect(mean(within.map((v) => (v - 0.5) ** 2))).toBeCloseTo(1 / 12, 2);
  expect(dequantize(x, 256, key(5)).data).toEqual(noisy.data);
  expect(dequantize(x, 256, key(6)).data).not.toEqual(noisy.data);
});

test('what a model in logits is trained on keeps its levels, with new noise in every batch', async () => {
  const x = randomImages(3, 40, 4);
  const seen: Float32Array[] = [];
  const inner = flow({ shape: [1, 4, 4], layers: [affine.create()] });
  const spy: Density = {
    ...(inner as unknown as Density),
    fit: (options: FitOptions<unknown>) => {
      const batch = { x: options.data.train.x };
      const alpha = 0.05;
      for (const seed of [1, 2]) {
        const { x: y } = options.augment!(batch, key(seed));
        seen.push(Float32Array.from(y.data, (v) => (1 / (1 + Math.exp(-v)) - alpha) / (1 - 2 * alpha)));
      }
      return Promise.reject(new Error('seen'));
    },
  };
  const options = {
    data: { train: { x } },
    ...training({ learningRate: 1e-3, epochs: 1, batchSize: 40 }),
  };
  for (const model of [dequantized(inLogits(spy))]) {
    await expect(fit(model, options)).rejects.toThrow('seen');
    for (const images of seen) {
      images.forEach((v, i) => {
        expect(256 * v).toBeGreaterThan(256 * x.data[i] - 1e-3);
        expect(256 * v).toBeLessThan(256 * x.data[i] + 1 + 1e-3);
      });
    }
    expect(seen[0]).not.toEqual(seen[1]);
  }
});

test('a density in logits is the density of the logits times their derivatives, and samples return', async () => {
  const inner = flow({ shape: [2], layers: [affine.create()] });
  const model = inLogits(inner, 0.1);
  const p = perturb(model.init(key(1)), 2, 0.3);
  const x = array(uniform(key(3), 40), [20, 2]);
  const { data } = await logProb(model, p, x, {}, float64);
  const { data: ofLogits } = await logProb(inner, p, logitsOf(x, 0.1), {}, { threads: 1 });
  for (let i = 0; i < 20; i++) {
    const slopes = [0, 1].map((j) => {
      const u = 0.1 + 0.8 * x.data[2 * i + j];
      return Math.log(0.8 / (u * (1 - u)));
    });
    expect(data[i]).toBeCloseTo(ofLogits[i] + slopes[0] + slopes[1], 4);
  }
  const options = { n: 30, seed: 4 };
  const drawn = await sample(model, p, options, float64);
  const latent = await sample(inner, p, options, float64);
  expect(largestDifference(logitsOf(drawn, 0.1).data, latent.data)).toBeLessThan(1e-5);
});

test('Real NVP of three sizes: the inverse returns and logDet is that of the Jacobian', async () => {
  const shape = [1, 4, 4];
  const model = imageRealNvp.create({ shape }, { couplings: [2, 1, 2], channels: [4, 4, 4], depth: 1 });
  const p = perturb(model.init(key(1)), 2, 0.2);
  const x = array(normal(key(3), 3 * 16), [3, ...shape]);
  const result = await evaluate(
    (q: never, v: Tensor) => {
      const { y, logDet } = model.forward(q, v);
      const back = model.inverse(q, y);
      return { logDet, x: back.x, jacobian: batchJacobian((w) => model.forward(q, w).y, v) };
    },
    [p, x],
  );
  expect(largestDifference(result.x.data, x.data)).toBeLessThan(1e-10);
  expect(largestDifference(result.logDet.data, logDeterminants(result.jacobian))).toBeLessThan(1e-9);
});

test('Real NVP over charts that are not centred has no origins; sizes that do not go together are refused', async () => {
  const x = randomImages(5, 120, 4);
  const model = dequantized(
    inLogits(
      vqImageRealNvp.create(
        { shape: [1, 4, 4] },
        { couplings: [1, 1], channels: [4, 4], charts: 3, centred: false, code: 2, encoderEpochs: 1 },
      ),
    ),
  );
  const { parameters } = await fit(model, {
    data: { train: { x } },
    ...training({ learningRate: 1e-3, epochs: 1, batchSize: 60 }),
  });
  expect(parameters.charts.origins.data.every((v) => v === 0)).toBe(true);
  expect(parameters.charts.centres.data.every((v) => v === 0)).toBe(false);
  expect(() => imageRealNvp.create({ shape: [1, 4, 4] }, { couplings: [1, 1], channels: [4] })).toThrow(
    'channels of 1 sizes for couplings of 2',
  );
});

/** Points in a plane of R⁶ that is turned at random, with a little noise beside it. */
function tilted(seed: number, n: number, shift = 0): { x: NDArray; directions: number[][] } {
  const [a, b] = [0, 1].map((i) => Array.from(normal(key(50 + i), 6)));
  const dot = (u: number[], v: number[]): number => u.reduce((total, w, j) => total + w * v[j], 0);
  const first = a.map((v) => v / Math.sqrt(dot(a, a)));
  const rest = b.map((v, j) => v - dot(b, first) * first[j]);
  const second = rest.map((v) => v / Math.sqrt(dot(rest, rest)));
  const z = normal(key(seed), 2 * n);
  const noise = normal(key(seed + 1), 6 * n);
  const x = Float32Array.from(
    noise,
    (e, at) =>
      shift +
      3 * z[2 * Math.floor(at / 6)] * first[at % 6] +
      z[2 * Math.floor(at / 6) + 1] * second[at % 6] +
      0.05 * e,
  );
  return { x: array(x, [n, 6], 'float32'), directions: [first, second] };
}

test('principal directions are those of the plane, and reflections turn them to the first entries', async () => {
  const { x, directions } = tilted(1, 2000, 1);
  const found = principalDirections(x, 2);
  directions.forEach((direction, k) => {
    const along = direction.reduce((total, v, j) => total + v * found.directions.get(j, k), 0);
    expect(Math.abs(along)).toBeGreaterThan(0.999);
  });
  const { covariance } = covarianceOf(x);
  expect(covariance.trace()).toBeCloseTo(9 + 1, -0.3);
  const layer = orthogonal.create({ reflections: 2 });
  const begun = await layer.calibrate!(layer.init(key(1), { shape: [6], context: 0 }), x, 'start', noPass);
  const rows = array(directions.flat(), [2, 6]);
  const { y } = await evaluate((p: never, v: Tensor) => ({ y: layer.forward(p, v).y }), [
    begun,
    rows,
  ] as never);
  expect(Math.abs(y.data[0])).toBeGreaterThan(0.999);
  expect(Math.abs(y.data[6 + 1])).toBeGreaterThan(0.999);
  expect(await layer.calibrate!(begun, x, 'end', noPass)).toBe(begun);
});

test('a conformal embedding flow begins at the plane of the data, and its density is that of the plane', async () => {
  const { x } = tilted(3, 1500);
  const model = standardized(
    principalEmbedding.create({ shape: [6] }, { latent: 2, blocks: 1, hidden: [8] }),
  );
  const { parameters } = await fit(model, {
    data: { train: { x } },
    ...training({ learningRate: 1e-3, falling: true, epochs: 2, batchSize: 250 }),
  });
  // Two independent Gaussians along the plane, deviations 3 and 1, by area.
  const entropy = 2 * 0.5 * Math.log(2 * Math.PI * Math.E) + Math.log(3);
  const { data } = await logProb(model, parameters, tilted(7, 1500).x, {}, { threads: 1 });
  // The surface begins as a sphere whose curvature is still felt at three deviations.
  expect(Math.abs(-mean(data) - entropy)).toBeLessThan(0.25);
});

test('the nearest points of a surface, alone and over charts, are near to noisy samples of it', async () => {
  const { x } = tilted(3, 600);
  const options: Omit<FitOptions<never>, 'data' | 'from'> = {
    ...training({ learningRate: 1e-3, epochs: 1, batchSize: 200 }),
  };
  const surface = principalEmbedding.create({ shape: [6] }, { latent: 2, blocks: 1, hidden: [8] });
  const one = await fit(surface, { ...options, data: { train: { x } } });
  const charts = vqPrincipalEmbedding.create(
    { shape: [6] },
    { latent: 2, blocks: 1, hidden: [8], charts: 3 },
  );
  const many = await fit(charts, { ...options, data: { train: { x } } });
  const run = { threads: 1 };
  for (const nearest of [
    await nearestOnSurface(surface, one.parameters, x, run),
    await nearestOnCharts(charts, many.parameters, x, run),
  ]) {
    expect(nearest.shape).toEqual(x.shape);
    // Four of six directions are lost, each with a deviation of 0.05.
    const error = Math.sqrt(mean(Float64Array.from(nearest.data, (v, i) => (v - x.data[i]) ** 2)));
    expect(error).toBeGreaterThan(0.03);
    expect(error).toBeLessThan(0.25);
  }
  const flat = vqImageRealNvp.create(
    { shape: [1, 4, 4] },
    { couplings: [1, 1], channels: [4, 4], charts: 2 },
  );
  await expect(nearestOnCharts(flat, flat.init(key(1)), randomImages(1, 2, 4))).rejects.toThrow(
    'embeds no surface',
  );
  expect(() =>
    injectiveFlow({
      shape: [4],
      latent: 5,
      embedding: [],
      flow: (domain) => flow({ ...domain, layers: [] }),
    }),
  ).toThrow('expected 1 to 3');
});
