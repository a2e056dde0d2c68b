import { describe, expect, test } from 'vitest';
import {
  add,
  array,
  compile,
  flatten,
  grad,
  mul,
  specsOf,
  square,
  sub,
  sum,
  unflatten,
  type NDArray,
  type Tensor,
} from '../../src/tensor/index.ts';
import { foldIn, key, normal } from '../../src/tensor/random.ts';
import { continuous, layerFamilies } from '../../src/flows/index.ts';
import {
  batchJacobian,
  evaluate,
  largestDifference,
  logDeterminants,
  perturb,
  samplesFor,
} from './support.ts';

const tolerances = {
  formula: { there: 1e-10, determinant: 1e-9 },
  iteration: { there: 1e-8, determinant: 1e-8 },
  // Runge–Kutta steps back do not return exactly; that finer steps reach 1e-8 has its own test.
  integration: { there: 1e-6, determinant: 1e-6 },
};

const cases = layerFamilies.flatMap((family) =>
  family.examples.map((example) => ({
    family,
    example,
    title: `${family.name} ${JSON.stringify(example.options ?? {})} on [${example.shape.join(', ')}]${example.context ? ` given ${example.context}` : ''}`,
  })),
);

/** Dimensions in which A1 to A3 are asked for. */
const dimensions = [1, 2, 3, 5, 8];

/** The dimensions that no example of a family has, where it takes vectors at all, with the options of its first example. */
const furtherDimensions = layerFamilies.flatMap((family) => {
  const vectors = family.examples.filter(({ shape }) => shape.length === 1);
  const missing = dimensions.filter((d) => vectors.every(({ shape }) => shape[0] !== d));
  return vectors.length > 0 && missing.length > 0 ? [{ family, example: vectors[0], missing }] : [];
});

describe('A1, A2, A3 in the other of 1, 2, 3, 5 and 8 dimensions', () => {
  test.each(furtherDimensions)(
    '$family.name: $missing',
    async ({ family, example: { options }, missing }) => {
      const layer = family.create(options);
      const tolerance = tolerances[layer.inverseBy];
      const n = 20;
      const domains = missing.map((d) => ({
        p: perturb(layer.init(key(d), { shape: [d], context: 0 }), 6 + d, 0.25),
        x: samplesFor(layer.support, [d], n, 7 + d),
      }));
      const results = await evaluate(
        (...given: { readonly p: never; readonly x: Tensor }[]) =>
          Object.fromEntries(
            given.flatMap(({ p, x }, i) => {
              const { y, logDet } = layer.forward(p, x);
              const back = layer.inverse(p, y);
              const jacobian = batchJacobian((v) => layer.forward(p, v).y, x);
              return Object.entries({ logDet, back: back.x, backLogDet: back.logDet, jacobian }).map(
                ([name, value]) => [`${name} ${missing[i]}`, value] as const,
              );
            }),
          ),
        domains as never,
      );
      for (const [i, d] of missing.entries()) {
        const logDet = results[`logDet ${d}`].data;
        expect(largestDifference(results[`back ${d}`].data, domains[i].x.data)).toBeLessThan(tolerance.there);
        const negated = Float64Array.from(results[`backLogDet ${d}`].data, (v) => -v);
        expect(largestDifference(logDet, negated)).toBeLessThan(tolerance.there);
        const determinants = logDeterminants(results[`jacobian ${d}`]);
        expect(largestDifference(logDet, determinants)).toBeLessThan(tolerance.determinant);
      }
    },
  );
});

test('A1, A3: a continuous layer returns to 1e-8 with fine steps, and in order 5 with coarser ones', async () => {
  const x = samplesFor('reals', [2], 100, 7);
  const errors: number[] = [];
  for (const steps of [6, 12, 24]) {
    const layer = continuous.create({ hidden: [8], method: 'dopri5', steps });
    const p = perturb(layer.init(key(5), { shape: [2], context: 0 }), 6, 0.25);
    const result = await evaluate(
      (q: never, v: Tensor) => {
        const there = layer.forward(q, v);
        const back = layer.inverse(q, there.y);
        return { x: back.x, sum: add(there.logDet, back.logDet) };
      },
      [p, x],
    );
    errors.push(
      Math.max(
        largestDifference(result.x.data, x.data),
        largestDifference(result.sum.data, new Float64Array(100)),
      ),
    );
  }
  const [coarse, middle, fine] = errors;
  expect(fine).toBeLessThan(1e-8);
  // 2⁵ a halving in the limit.
  expect(coarse / middle).toBeGreaterThan(16);
  expect(middle / fine).toBeGreaterThan(16);
});

describe.each(cases)('$title', ({ family, example }) => {
  const layer = family.create(example.options);
  const { shape, context = 0 } = example;
  const parameters = perturb(layer.init(key(5), { shape, context }), 6, 0.25);
  const tolerance = tolerances[layer.inverseBy];
  const contexts = (n: number): NDArray[] =>
    context ? [array(normal(key(8), n * context), [n, context])] : [];

  test('A1, A3: the inverse returns, and logarithms of determinants cancel', async () => {
    const n = 1000;
    const x = samplesFor(layer.support, shape, n, 7);
    const result = await evaluate(
      (p: never, v: Tensor, c?: Tensor) => {
        const there = layer.forward(p, v, { context: c });
        const back = layer.inverse(p, there.y, { context: c });
        return { x: back.x, forward: there.logDet, inverse: back.logDet };
      },
      [parameters, x, ...contexts(n)],
    );
    expect(largestDifference(result.x.data, x.data)).toBeLessThan(tolerance.there);
    const negated = Float64Array.from(result.inverse.data, (v) => -v);
    expect(largestDifference(result.forward.data, negated)).toBeLessThan(tolerance.there);
  });

  test('A2: logDet is log |det J| by automatic differentiation and by central differences', async () => {
    const n = 20;
    const x = samplesFor(layer.support, shape, n, 9);
    const forward = (p: never, v: Tensor, c?: Tensor) => layer.forward(p, v, { context: c });
    const result = await evaluate(
      (p: never, v: Tensor, c?: Tensor) => ({
        jacobian: batchJacobian((w) => forward(p, w, c).y, v),
        logDet: forward(p, v, c).logDet,
      }),
      [parameters, x, ...contexts(n)],
    );
    expect(largestDifference(result.logDet.data, logDeterminants(result.jacobian))).toBeLessThan(
      tolerance.determinant,
    );
    // Central differences check the derivative rules themselves.
    const d = x.data.length / n;
    const h = 1e-5;
    const moved = Array.from({ length: 2 * d }, (_, k) => {
      const by = k % 2 === 0 ? h : -h;
      return x.data.map((v, i) => (i % d === k >> 1 ? v + by : v)) as Float64Array;
    });
    const all = array(Float64Array.from(moved.flatMap((m) => [...m])), [2 * d * n, ...shape]);
    const repeated = contexts(n).map((c) =>
      array(Array.from({ length: 2 * d }, () => [...c.data]).flat(), [2 * d * n, context]),
    );
    const { y } = await evaluate(
      (p: never, v: Tensor, c?: Tensor) => ({ y: forward(p, v, c).y }),
      [parameters, all, ...repeated],
    );
    const differences = new Float64Array(n * d * d);
    for (let b = 0; b < n; b++)
      for (let i = 0; i < d; i++)
        for (let j = 0; j < d; j++) {
          const at = (k: number): number => y.data[(k * n + b) * d + i];
          differences[(b * d + i) * d + j] = (at(2 * j) - at(2 * j + 1)) / (2 * h);
        }
    const numeric = logDeterminants(array(differences, [n, d, d]));
    // A kink of ReLU within h of a sample spoils single differences: nine tenths must hold.
    const errors = Array.from(numeric, (v, i) => Math.abs(v - result.logDet.data[i])).sort((a, b) => a - b);
    expect(errors[Math.floor(0.9 * n)]).toBeLessThan(1e-5);
  });

  test('A7: the gradient of a negative log-likelihood is that of central differences, in every parameter', async () => {
    const n = 6;
    const x = samplesFor(layer.support, shape, n, 11);
    const loss = (p: never, v: Tensor, c?: Tensor): Tensor => {
      const { y, logDet } = layer.forward(p, v, { context: c });
      return mul(1 / n, sub(mul(0.5, sum(square(y))), sum(logDet)));
    };
    const { leaves, structure } = flatten<NDArray>(parameters);
    if (leaves.length === 0) return;
    const given = contexts(n);
    const gradient = await evaluate(grad(loss as never) as never, [parameters, x, ...given]);
    const slopes = flatten<NDArray>(gradient).leaves;
    const program = await compile(
      loss as never,
      [parameters, x, ...given].map((arg) => specsOf(arg)) as never,
      {
        dtype: 'float64',
        threads: 1,
      },
    );
    const h = 1e-5;
    for (const [i, leaf] of leaves.entries()) {
      // Along a random direction of each array, so that no array hides behind a larger one.
      const direction = normal(foldIn(key(12), i), leaf.data.length);
      const at = async (by: number): Promise<number> => {
        const moved = array(
          direction.map((z, j) => leaf.data[j] + by * z),
          leaf.shape,
        );
        const tree = unflatten(structure, leaves.with(i, moved));
        return ((await program.run([tree, x, ...given] as never)) as NDArray).data[0];
      };
      const numeric = ((await at(h)) - (await at(-h))) / (2 * h);
      const along = direction.reduce((total, z, j) => total + z * slopes[i].data[j], 0);
      expect(Math.abs(along - numeric)).toBeLessThan(1e-6 * Math.max(1, Math.abs(numeric)));
    }
    await program.dispose();
  });
});
