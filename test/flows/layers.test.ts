import { describe, expect, test } from 'vitest';
import {
  add,
  array,
  mapTree,
  mul,
  square,
  sub,
  sum,
  type NDArray,
  type Tensor,
} from '../../src/tensor/index.ts';
import { key, normal } from '../../src/tensor/random.ts';
import {
  actNorm,
  affine,
  conditioned,
  continuous,
  householderConvolution,
  layerFamilies,
  lu,
  orthogonal,
  planar,
  qr,
  radial,
  sinhArcsinh,
  type Layer,
  type LayerExample,
  type LayerFamily,
} from '../../src/flows/index.ts';
import {
  batchJacobian,
  evaluate,
  gradientError,
  largestDifference,
  logDeterminants,
  negated,
  perturb,
  samplesFor,
  single,
} from './support.ts';

/** Of A1, of A3, and of A2 by automatic differentiation. */
const tolerances = {
  formula: { there: 1e-10, cancel: 1e-10, determinant: 1e-9 },
  iteration: { there: 1e-8, cancel: 1e-10, determinant: 1e-9 },
  // Runge–Kutta steps back do not return exactly; that finer steps do has its own test.
  integration: { there: 1e-6, cancel: 1e-6, determinant: 1e-6 },
};
/** Of A2 by central differences. */
const BY_DIFFERENCES = 1e-5;

interface Case extends LayerExample {
  readonly title: string;
  readonly layer: Layer;
}

const caseOf = (layer: Layer, example: LayerExample): Case => ({
  ...example,
  layer,
  title: `${layer.name} ${JSON.stringify(example.options ?? {})} on [${example.shape.join(', ')}]${example.context ? ` given ${example.context}` : ''}`,
});

/** Layers that read a context only through `conditioned`. */
const plain: readonly LayerFamily[] = [
  affine,
  sinhArcsinh,
  lu,
  qr,
  orthogonal,
  actNorm,
  planar,
  radial,
  householderConvolution,
];

const cases: readonly Case[] = [
  ...layerFamilies.flatMap((family) =>
    family.examples.map((example) => caseOf(family.create(example.options), example)),
  ),
  ...plain.map((family) =>
    caseOf(conditioned(family.create(), { hidden: [5], activation: 'tanh' }), {
      shape: family === householderConvolution ? [1, 2, 2] : [3],
      context: 2,
    }),
  ),
];

/** log |det J| of a layer at x `[n, ...shape]` by central differences of every entry. */
async function determinantsByDifferences(
  layer: Layer,
  parameters: unknown,
  x: NDArray,
  context?: NDArray,
): Promise<Float64Array> {
  const [n, ...shape] = x.shape;
  const d = x.data.length / n;
  const h = 1e-5;
  const moved = new Float64Array(2 * d * x.data.length);
  for (let k = 0; k < 2 * d; k++) {
    const by = k % 2 === 0 ? h : -h;
    x.data.forEach((v, i) => (moved[k * x.data.length + i] = i % d === k >> 1 ? v + by : v));
  }
  const repeated = context && [...Array<NDArray>(2 * d)].flatMap(() => [...context.data]);
  const { y } = await evaluate(
    (p: never, v: Tensor, c?: Tensor) => ({ y: layer.forward(p, v, { context: c }).y }),
    [
      parameters,
      array(moved, [2 * d * n, ...shape]),
      ...(context && repeated ? [array(repeated, [2 * d * n, context.shape[1]])] : []),
    ],
  );
  const slopes = new Float64Array(n * d * d);
  for (let b = 0; b < n; b++)
    for (let i = 0; i < d; i++)
      for (let j = 0; j < d; j++) {
        const at = (k: number): number => y.data[(k * n + b) * d + i];
        slopes[(b * d + i) * d + j] = (at(2 * j) - at(2 * j + 1)) / (2 * h);
      }
  return logDeterminants(array(slopes, [n, d, d]));
}

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
        expect(largestDifference(logDet, negated(results[`backLogDet ${d}`].data))).toBeLessThan(
          tolerance.cancel,
        );
        const determinants = logDeterminants(results[`jacobian ${d}`]);
        expect(largestDifference(logDet, determinants)).toBeLessThan(tolerance.determinant);
        const { p, x } = domains[i];
        const differences = await determinantsByDifferences(layer, p, x);
        expect(largestDifference(logDet, differences)).toBeLessThan(BY_DIFFERENCES);
      }
    },
  );
});

test('A1, A2, A3: a continuous layer returns with fine steps, and in order 5 with coarser ones', async () => {
  const x = samplesFor('reals', [2], 100, 7);
  const errors: number[] = [];
  const determinants: number[] = [];
  for (const steps of [6, 12, 24]) {
    const layer = continuous.create({ hidden: [8], method: 'dopri5', steps, refinement: 1 });
    const p = perturb(layer.init(key(5), { shape: [2], context: 0 }), 6, 0.25);
    const result = await evaluate(
      (q: never, v: Tensor) => {
        const there = layer.forward(q, v);
        const back = layer.inverse(q, there.y);
        const jacobian = batchJacobian((w) => layer.forward(q, w).y, v);
        return { x: back.x, sum: add(there.logDet, back.logDet), logDet: there.logDet, jacobian };
      },
      [p, x],
    );
    determinants.push(largestDifference(result.logDet.data, logDeterminants(result.jacobian)));
    errors.push(
      Math.max(
        largestDifference(result.x.data, x.data),
        largestDifference(result.sum.data, new Float64Array(100)),
      ),
    );
  }
  const [coarse, middle, fine] = errors;
  expect(fine).toBeLessThan(1e-10);
  expect(determinants[2]).toBeLessThan(1e-9);
  // 2⁵ a halving in the limit.
  expect(coarse / middle).toBeGreaterThan(16);
  expect(middle / fine).toBeGreaterThan(16);
});

describe.each(cases)('$title', ({ layer, shape, context = 0 }) => {
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
    expect(largestDifference(result.forward.data, negated(result.inverse.data))).toBeLessThan(
      tolerance.cancel,
    );
  });

  // Where a flow contracts strongly even the exact inverse of the rounded y is far from x; such a sample must come back to its y.
  test('A1: in float32 the inverse returns to rounding', async () => {
    const n = 400;
    const x = single(samplesFor(layer.support, shape, n, 7));
    const { back, y, again } = await evaluate(
      (p: never, v: Tensor, c?: Tensor) => {
        const there = layer.forward(p, v, { context: c });
        const { x: found } = layer.inverse(p, there.y, { context: c });
        return { back: found, y: there.y, again: layer.forward(p, found, { context: c }).y };
      },
      [mapTree(parameters, single), x, ...contexts(n).map(single)],
      'float32',
    );
    const worst = (a: NDArray, b: NDArray, i: number): number => {
      const d = a.data.length / n;
      return largestDifference(a.data.subarray(i * d, (i + 1) * d), b.data.subarray(i * d, (i + 1) * d));
    };
    for (let i = 0; i < n; i++)
      expect(Math.min(worst(back, x, i) / 5e-5, worst(again, y, i) / 2e-6)).toBeLessThan(1);
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
    const differences = await determinantsByDifferences(layer, parameters, x, ...contexts(n));
    expect(largestDifference(result.logDet.data, differences)).toBeLessThan(BY_DIFFERENCES);
  });

  describe('A7: the gradient of a negative log-likelihood, in every parameter and in the samples', () => {
    const n = 6;
    const x = samplesFor(layer.support, shape, n, 11);
    const given = contexts(n);

    test('from data to latent', async () => {
      const loss = ({ p, x: v }: { p: never; x: Tensor }, c?: Tensor): Tensor => {
        const { y, logDet } = layer.forward(p, v, { context: c });
        return mul(1 / n, sub(mul(0.5, sum(square(y))), sum(logDet)));
      };
      expect(await gradientError(loss as never, { p: parameters, x }, given)).toBeLessThan(1e-6);
    });

    test('from latent to data', async () => {
      const { y } = await evaluate(
        (p: never, v: Tensor, c?: Tensor) => ({ y: layer.forward(p, v, { context: c }).y }),
        [parameters, x, ...given],
      );
      const loss = ({ p, y: v }: { p: never; y: Tensor }, c?: Tensor): Tensor => {
        const back = layer.inverse(p, v, { context: c });
        return mul(1 / n, sub(mul(0.5, sum(square(back.x))), sum(back.logDet)));
      };
      expect(await gradientError(loss as never, { p: parameters, y }, given)).toBeLessThan(1e-6);
    });
  });
});
