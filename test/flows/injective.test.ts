import { describe, expect, test } from 'vitest';
import { array, mapTree, sizeOf, type NDArray, type Tensor } from '../../src/tensor/index.ts';
import { key, normal } from '../../src/tensor/random.ts';
import {
  affine,
  conditioned,
  diagnose,
  fit,
  flow,
  getDensity,
  injectiveFlow,
  layerFamilies,
  logProb,
  mobius,
  normal as normalBase,
  orthogonal,
  sample,
  scaleShift,
  specialConformal,
  squaredDistanceToSurface,
  type FlowParameters,
  type InjectiveFlow,
  type Layer,
  type LayerExample,
} from '../../src/flows/index.ts';
import { meanWithError } from './planeGrid.ts';
import { batchJacobian, evaluate, largestDifference, logDeterminants, perturb, training } from './support.ts';

const float64 = { dtype: 'float64', threads: 1 } as const;

/** JᵀJ of each `[rows, columns]` block. */
function gram({ data, shape: [n, rows, columns] }: NDArray): NDArray {
  const product = new Float64Array(n * columns * columns);
  for (let b = 0; b < n; b++)
    for (let i = 0; i < columns; i++)
      for (let j = 0; j < columns; j++)
        for (let r = 0; r < rows; r++)
          product[(b * columns + i) * columns + j] +=
            data[(b * rows + r) * columns + i] * data[(b * rows + r) * columns + j];
  return array(product, [n, columns, columns]);
}

const conformal: readonly { made: Layer; name: string; example: LayerExample }[] = [
  ...layerFamilies
    .flatMap((family) =>
      family.examples.map((example) => ({
        made: family.create(example.options),
        example,
        name: family.name,
      })),
    )
    .filter(({ made }) => made.conformal),
  {
    made: conditioned(orthogonal.create(), { hidden: [4] }),
    name: 'conditioned orthogonal',
    example: { shape: [3], context: 2 },
  },
];

test.each(conformal)('$name $example: JᵀJ = λ² I', async ({ made, example: { shape, context = 0 } }) => {
  expect(made.conformal).toBe(true);
  const p = perturb(made.init(key(1), { shape, context }), 2, 0.2);
  const n = 12;
  const x = array(normal(key(3), n * sizeOf(shape)), [n, ...shape]);
  const given = context ? [array(normal(key(4), n * context), [n, context])] : [];
  const { jacobian, logDet } = await evaluate(
    (q: never, v: Tensor, c?: Tensor) => ({
      jacobian: batchJacobian((w) => made.forward(q, w, { context: c }).y, v),
      logDet: made.forward(q, v, { context: c }).logDet,
    }),
    [p, x, ...given],
  );
  const d = jacobian.shape[1];
  const { data } = gram(jacobian);
  for (let b = 0; b < n; b++) {
    const squared = Math.exp((2 * logDet.data[b]) / d);
    for (let i = 0; i < d * d; i++) {
      const expected = i % (d + 1) === 0 ? squared : 0;
      expect(Math.abs(data[b * d * d + i] - expected)).toBeLessThan(1e-10 * Math.max(1, squared));
    }
  }
});

test('B1: the log-determinant of the special conformal map is −n log |1 − 2 bᵀx + ‖b‖²‖x‖²|', async () => {
  const b = [0.2, -0.1, 0.3];
  const x = [0.5, 1, -0.4];
  const made = specialConformal.create();
  const dot = (u: number[], v: number[]): number => u.reduce((total, w, i) => total + w * v[i], 0);
  const denominator = 1 - 2 * dot(b, x) + dot(b, b) * dot(x, x);
  const { y, logDet } = await evaluate(
    (p: never, v: Tensor) => ({ ...made.forward(p, v) }),
    [{ own: array(b, [3]) }, array(x, [1, 3])],
  );
  x.forEach((v, i) => expect(y.data[i]).toBeCloseTo((v - b[i] * dot(x, x)) / denominator, 12));
  expect(logDet.data[0]).toBeCloseTo(-3 * Math.log(denominator), 12);
  // A map that expands here has a positive one.
  expect(denominator).toBeGreaterThan(1);
  expect(logDet.data[0]).toBeLessThan(0);
});

const embeddings: Record<string, readonly Layer[]> = {
  mobius: [mobius.create()],
  chain: [scaleShift.create(), orthogonal.create(), specialConformal.create(), mobius.create()],
};

function made(embedding: readonly Layer[], D: number, d: number): { model: InjectiveFlow; p: never } {
  const model = injectiveFlow({
    shape: [D],
    latent: d,
    embedding,
    flow: (domain) => flow({ ...domain, layers: [affine.create()], base: normalBase.create() }),
  });
  return { model, p: perturb(model.init(key(5)), 6, 0.15) as never };
}

describe.each(
  Object.entries(embeddings).flatMap(([name, layers]) =>
    [
      [2, 1],
      [3, 1],
      [3, 2],
      [5, 3],
      [8, 5],
    ].map(([D, d]) => ({ name, layers, D, d })),
  ),
)('$name embeds $d in $D numbers', ({ layers, D, d }) => {
  const { model, p } = made(layers, D, d);
  const n = 25;
  const u = array(normal(key(7), n * d), [n, d]);

  test('A2, E1: d log λ is ½ log det JᵀJ of the embedding, by automatic differentiation and by central differences', async () => {
    const { jacobian, logFactor } = await evaluate(
      (q: never, v: Tensor) => ({
        jacobian: batchJacobian((w) => model.embed(q, w).x, v),
        logFactor: model.embed(q, v).logFactor,
      }),
      [p, u],
    );
    const half = logDeterminants(gram(jacobian)).map((v) => v / 2);
    expect(
      largestDifference(
        half,
        Float64Array.from(logFactor.data, (v) => d * v),
      ),
    ).toBeLessThan(1e-9);
    const h = 1e-5;
    const moved = Float64Array.from({ length: 2 * d * n * d }, (_, i) => {
      const [k, at] = [Math.floor(i / (n * d)), i % (n * d)];
      return u.data[at] + (at % d === k >> 1 ? (k % 2 === 0 ? h : -h) : 0);
    });
    const { x } = await evaluate(
      (q: never, v: Tensor) => ({ x: model.embed(q, v).x }),
      [p, array(moved, [2 * d * n, d])],
    );
    const slopes = Float64Array.from({ length: n * D * d }, (_, i) => {
      const [b, row, column] = [Math.floor(i / (D * d)), Math.floor(i / d) % D, i % d];
      const value = (k: number): number => x.data[(k * n + b) * D + row];
      return (value(2 * column) - value(2 * column + 1)) / (2 * h);
    });
    const byDifferences = logDeterminants(gram(array(slopes, [n, D, d]))).map((v) => v / 2);
    expect(largestDifference(half, byDifferences)).toBeLessThan(1e-5);
  });

  test('A1: the pseudo-inverse returns from the surface, and from beside it to the surface', async () => {
    const { back, nearest, x, distance } = await evaluate(
      (q: never, v: Tensor) => {
        const there = model.embed(q, v);
        const at = model.project(q, there.x);
        return {
          back: at.latent,
          nearest: at.nearest,
          x: there.x,
          distance: squaredDistanceToSurface(model, q, there.x),
        };
      },
      [p, u],
    );
    expect(largestDifference(back.data, u.data)).toBeLessThan(1e-10);
    expect(largestDifference(nearest.data, x.data)).toBeLessThan(1e-10);
    expect(Math.max(...distance.data)).toBeLessThan(1e-18);
  });
});

test('A4, A5, B2: the density of a conformal embedding flow integrates to 1 over the sphere that it covers, and samples follow it', async () => {
  const { model, p } = made([mobius.create()], 3, 2);
  // The sphere through four points of the surface: |x − c|² = r² is linear in c and r² − |c|².
  const { x } = await evaluate(
    (q: never, v: Tensor) => ({ x: model.embed(q, v).x }),
    [p, array([0, 0, 2, 0, 0, 2, -3, -1], [4, 2])],
  );
  const points = Array.from({ length: 4 }, (_, i) => [...x.data.slice(3 * i, 3 * i + 3)]);
  const solution = solve4(
    points.map((q) => [...q.map((v) => 2 * v), 1]),
    points.map((q) => q.reduce((total, v) => total + v * v, 0)),
  );
  const centre = solution.slice(0, 3);
  const radius = Math.sqrt(solution[3] + centre.reduce((total, v) => total + v * v, 0));
  const [latitudes, longitudes] = [400, 400];
  const grid = new Float64Array(3 * latitudes * longitudes);
  for (let i = 0; i < latitudes * longitudes; i++) {
    // Equal areas: uniform in the height.
    const height = -1 + (2 * (Math.floor(i / longitudes) + 0.5)) / latitudes;
    const angle = (2 * Math.PI * ((i % longitudes) + 0.5)) / longitudes;
    const ring = Math.sqrt(1 - height * height);
    grid.set(
      [ring * Math.cos(angle), ring * Math.sin(angle), height].map((v, j) => centre[j] + radius * v),
      3 * i,
    );
  }
  const all = array(grid, [latitudes * longitudes, 3]);
  const logs = await logProb(model, p, all, {}, { ...float64, batchSize: 8000 });
  const mean = (logs.data as Float64Array).reduce((total, v) => total + Math.exp(v), 0) / logs.data.length;
  expect(Math.abs(4 * Math.PI * radius * radius * mean - 1)).toBeLessThan(2e-3);
  expect(model.measure).toEqual({ kind: 'area', dimension: 2 });

  // Heights of samples, transformed by their distribution under the density; and the mean of log p over them.
  const mass = Float64Array.from(
    logs.data,
    (v) => (4 * Math.PI * radius * radius * Math.exp(v)) / logs.data.length,
  );
  const ends = new Float64Array(latitudes + 1);
  mass.forEach((m, i) => (ends[Math.floor(i / longitudes) + 1] += m));
  for (let i = 1; i <= latitudes; i++) ends[i] += ends[i - 1];
  const n = 4000;
  const drawn = await sample(model, p, { n, seed: 8 }, float64);
  const transformed = Float64Array.from({ length: n }, (_, i) => {
    const height = (drawn.data[3 * i + 2] - centre[2]) / radius;
    const place = Math.min(latitudes - 1e-9, Math.max(0, (latitudes * (height + 1)) / 2));
    const low = Math.floor(place);
    return ends[low] + (place - low) * (ends[low + 1] - ends[low]);
  }).sort();
  const distance = Math.max(
    ...transformed.map((u, i) => Math.max(Math.abs(u - i / n), Math.abs(u - (i + 1) / n))),
  );
  expect(distance * Math.sqrt(n)).toBeLessThan(1.63);
  const own = meanWithError((await logProb(model, p, drawn, {}, float64)).data);
  const entropy = -mass.reduce((total, m, i) => total + m * logs.data[i], 0);
  expect(Math.abs(own.mean + entropy)).toBeLessThan(4 * own.error + 5e-3);
});

/** Solves a 4 × 4 system by elimination. */
function solve4(a: readonly (readonly number[])[], b: readonly number[]): number[] {
  const m = a.map((row, i) => [...row, b[i]]);
  for (let k = 0; k < 4; k++) {
    const pivot = m.findIndex((row, i) => i >= k && Math.abs(row[k]) > 1e-9);
    [m[k], m[pivot]] = [m[pivot], m[k]];
    for (let i = 0; i < 4; i++) {
      if (i === k) continue;
      const f = m[i][k] / m[k][k];
      m[i] = m[i].map((v, j) => v - f * m[k][j]);
    }
  }
  return m.map((row, i) => row[4] / row[i]);
}

test('layers that are not conformal, and latents that are too large, are refused by name', () => {
  const inner = (domain: { shape: readonly number[]; context: number }) =>
    flow({ ...domain, layers: [affine.create()] });
  expect(() => injectiveFlow({ shape: [3], latent: 1, embedding: [affine.create()], flow: inner })).toThrow(
    "layer 'affine' is not conformal",
  );
  expect(() => injectiveFlow({ shape: [3], latent: 3, embedding: [], flow: inner })).toThrow(
    'a latent of 3 numbers for samples [3]; expected 1 to 2',
  );
});

test('a conformal layer made for a context asks for it', async () => {
  const layer = mobius.create({ hidden: [4] });
  const p = layer.init(key(1), { shape: [3], context: 2 });
  await expect(
    evaluate((q: never, v: Tensor) => layer.forward(q, v).y, [p, array(normal(key(2), 6), [2, 3])]),
  ).rejects.toThrow(/made for a context got none/);
});

test('samples of a conformal embedding flow lie on its surface', async () => {
  const model = getDensity('cef').create(
    { shape: [3] },
    { latent: 2, blocks: 1, hidden: [8] },
  ) as InjectiveFlow;
  const p = model.init(key(3));
  const x = await sample(model, p, { n: 50, seed: 1 }, float64);
  const { distance } = await evaluate(
    (q: never, v: Tensor) => ({ distance: squaredDistanceToSurface(model, q, v) }),
    [p, x],
  );
  expect(Math.max(...distance.data)).toBeLessThan(1e-16);
});

describe('numbers that end in a conformal embedding flow', () => {
  const model = injectiveFlow({
    shape: [3],
    latent: 2,
    embedding: [scaleShift.create(), mobius.create()],
    flow: (domain) => flow({ ...domain, layers: [affine.create(), affine.create()] }),
  });
  const parameters = model.init(key(1));
  const x = array(normal(key(2), 300), [100, 3], 'float32');

  test('a training names the step, the layer and the sample', async () => {
    const bad = array(x.data.slice(), x.shape, 'float32');
    bad.data[3 * 37 + 1] = 1e30;
    await expect(
      fit(model, {
        data: { train: { x: bad } },
        ...training({ learningRate: 1e-3, epochs: 1, batchSize: 25 }),
      }),
    ).rejects.toThrow(
      /epoch 1, step \d \(.*\): layer 1 \(mobius\) of the embedding makes a log-determinant of -?Infinity for sample 37 of the training split;/,
    );
  });

  /** All numbers of one layer moved. */
  const moved = (layers: readonly unknown[], i: number, by: number): unknown[] =>
    layers.map((own, j) =>
      i !== j
        ? own
        : mapTree(own, (leaf: NDArray) =>
            array(
              leaf.data.map((v) => v + by),
              leaf.shape,
            ),
          ),
    );
  const inner = parameters.base as FlowParameters;

  test.each([
    // λ of the scale is e^±100, and e^100 is no float32.
    ['to the latent', { layers: moved(parameters.layers, 0, 100) }, 'the embedding', 0, 'scale-shift'],
    ['back', { layers: moved(parameters.layers, 0, -100) }, 'the embedding', 0, 'inverse-scale-shift'],
    [
      'through the latent',
      { base: { ...inner, layers: moved(inner.layers, 1, 100) } },
      'the flow of the latent',
      1,
      'affine',
    ],
  ] as const)('diagnose finds the layer on the way %s', async (_, change, part, index, layer) => {
    expect(await diagnose(model, parameters, x, {}, { threads: 1 })).toBeNull();
    expect(await diagnose(model, { ...parameters, ...change }, x, {}, { threads: 1 })).toMatchObject({
      part,
      index,
      layer,
    });
  });
});
