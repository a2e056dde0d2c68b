import { describe, expect, test } from 'vitest';
import {
  array,
  compile,
  grad,
  jacobian,
  mapTree,
  mean,
  mul,
  reshape,
  spec,
  specsOf,
  square,
  sub,
  sum,
  type NDArray,
  type Tensor,
} from '../../src/tensor/index.ts';
import { countParameters } from '../../src/nn/index.ts';
import { key, normal, split } from '../../src/tensor/random.ts';
import { families, fno, getOperator, mwt, operatorNames, pade } from '../../src/operators/index.ts';
import { matrixInverse } from '../../src/operators/matrixInverse.ts';
import { enlarge, evaluate, expectClose, field } from './evaluate.ts';
import { literalFno, literalLayer, literalMwtKernel, literalPadeKernel, literalPyramid } from './literal.ts';

describe('parameter counts of the published sizes (real scalars)', () => {
  test.each([
    ['fno', 549_569],
    ['mwt', 500_137],
    ['pade', 266_837],
    // Maps before and after, and a layer's φ, ψ, W and norm.
    [
      'lno',
      3 * 32 + 33 * 128 + 129 + 4 * (2 * (3 * 64 + 65 * 128 + 129 * 256 + 257 * 4096) + 33 * 32 + 2 * 32),
    ],
    ['gno', 3 * 64 + (5 * 1024 + 1025 * 1024 + 1025 * 4096) + 65 * 64 + 65],
    [
      'mgno',
      [1024, 1024, 512, 256, 128, 64, 32, 16, 16, 16].reduce(
        (count, hidden) => count + 5 * hidden + (hidden + 1) * (hidden + 4096) + 65 * 64,
        3 * 64 + 65,
      ),
    ],
  ])('%s has %i', (name, count) => {
    expect(countParameters(getOperator(name).init(key(0)))).toBe(count);
  });
});

test.each([
  [1, 16],
  [2, 15],
  [3, 8],
])('fno with %i layers at s = %i, maps merged, equals its definition', async (layers, s) => {
  const operator = fno.create({ width: 5, modes: 6, layers, inputs: 2 });
  const parameters = enlarge(operator.init(key(7)), 3);
  const u = array(normal(key(8), 3 * s * 2), [3, s, 2]);
  const expected = await evaluate(
    (p: Parameters<typeof literalFno>[0], x: Tensor) => literalFno(p, x),
    parameters,
    u,
  );
  const actual = await evaluate((p: never, x: Tensor) => operator.apply(p, x), parameters, u);
  expectClose(actual, expected, 1e-12);
});

describe('merged evaluation on the modes of all levels equals the definition level by level', () => {
  const small = { k: 3, channels: 2, modes: 4 };

  test.each([
    ['legendre', 2, 4],
    ['legendre', 32, 4],
    ['legendre', 128, 4],
    ['chebyshev', 16, 4],
    // More modes than the coarsest level that is treated by itself has.
    ['legendre', 256, 65],
  ] as const)('mwt, %s, s = %i, %i modes', async (basis, s, modes) => {
    const options = { ...small, k: basis === 'chebyshev' ? 4 : 3, basis, modes, layers: 2 };
    const operator = mwt.create(options);
    const parameters = enlarge(operator.init(key(3)), 3);
    const u = field(4, 2, s);
    const expected = await evaluate(
      (
        p: { layers: { kernels: Tensor[]; coarsest: { weight: Tensor; bias: Tensor } }[] } & Parameters<
          typeof literalPyramid
        >[0],
        x: Tensor,
      ) =>
        literalPyramid(
          p,
          x,
          p.layers.map(
            (layer) => (v: Tensor) =>
              literalLayer(v, options, layer.coarsest, literalMwtKernel(layer.kernels)),
          ),
        ),
      parameters,
      u,
    );
    const actual = await evaluate((p: never, x: Tensor) => operator.apply(p, x), parameters, u);
    expectClose(actual, expected, 1e-11);
  });

  test.each([
    [1, 1, 'published'],
    [3, 0, 'published'],
    [4, 0, 'full'],
    [4, 2, 'published'],
    [3, 3, 'full'],
    [1, 2, 'full'],
  ] as const)('pade [%i/%i], %s degrees', async (p, q, degrees) => {
    const options = { ...small, basis: 'legendre', p, q, degrees, layers: 2 } as const;
    const operator = pade.create(options);
    const parameters = enlarge(operator.init(key(5)), 4);
    const u = field(6, 2, 16);
    type Layer = {
      kernels: Tensor[];
      maps: { weight: Tensor; bias: Tensor }[];
      coarsest: { weight: Tensor; bias: Tensor };
    };
    const expected = await evaluate(
      (tree: { layers: Layer[] } & Parameters<typeof literalPyramid>[0], x: Tensor) =>
        literalPyramid(
          tree,
          x,
          tree.layers.map(
            (layer) => (v: Tensor) =>
              literalLayer(v, options, layer.coarsest, literalPadeKernel(layer.kernels, layer.maps, options)),
          ),
        ),
      parameters,
      u,
    );
    const actual = await evaluate((tree: never, x: Tensor) => operator.apply(tree, x), parameters, u);
    expectClose(actual, expected, 1e-11);
  });
});

describe('exact inverse of the denominator', () => {
  test('matrixInverse inverts, and its derivative is that of the inverse', async () => {
    const n = 6;
    const a = normal(key(11), 2 * n * n).map((v, i) => v + (Math.floor(i / n) % n === i % n ? 4 : 0));
    const matrices = array(a, [2, n, n]);
    const program = await compile(
      (m: Tensor) => ({
        inverse: matrixInverse(m),
        gradient: grad((x: Tensor) => sum(square(matrixInverse(x))))(m),
      }),
      [spec([2, n, n])],
      { dtype: 'float64' },
    );
    const { inverse, gradient } = (await program.run([matrices])) as unknown as Record<
      'inverse' | 'gradient',
      NDArray
    >;
    for (let b = 0; b < 2; b++) {
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < n; j++) {
          let product = 0;
          for (let m = 0; m < n; m++) product += a[(b * n + i) * n + m] * inverse.data[(b * n + m) * n + j];
          expect(Math.abs(product - (i === j ? 1 : 0))).toBeLessThan(1e-12);
        }
      }
    }
    // Central difference in one entry of the first matrix.
    const at = 8;
    const shifted = async (by: number): Promise<number> => {
      const moved = a.slice();
      moved[at] += by;
      const { inverse: result } = (await program.run([array(moved, [2, n, n])])) as unknown as {
        inverse: NDArray;
      };
      return (result.data as Float64Array).reduce((total, v) => total + v * v, 0);
    };
    const difference = ((await shifted(1e-6)) - (await shifted(-1e-6))) / 2e-6;
    expect(Math.abs(difference - gradient.data[at])).toBeLessThan(1e-6 * Math.abs(difference));
    await program.dispose();
  });

  test.each([2, 300, 3000])(
    'matrixInverse reaches rounding at size 128 and condition number %i',
    async (kappa) => {
      const n = 128;
      // Q D Q with a reflection Q = I − 2vvᵀ and singular values from 1 to 1/κ, of both signs.
      const raw = normal(key(12), n);
      const length = Math.hypot(...raw);
      const v = raw.map((entry) => entry / length);
      const values = Array.from({ length: n }, (_, i) => (i % 2 ? -1 : 1) * kappa ** (-i / (n - 1)));
      const reflected = (i: number, j: number): number => (i === j ? 1 : 0) - 2 * v[i] * v[j];
      const entries = Float64Array.from({ length: n * n }, (_, at) => {
        const [i, j] = [Math.floor(at / n), at % n];
        return values.reduce((total, d, m) => total + reflected(i, m) * d * reflected(m, j), 0);
      });
      const inverse = await evaluate(
        (_: never, m: Tensor) => matrixInverse(m),
        {},
        array(entries, [1, n, n]),
      );
      const truth = Float64Array.from({ length: n * n }, (_, at) => {
        const [i, j] = [Math.floor(at / n), at % n];
        return values.reduce((total, d, m) => total + (reflected(i, m) * reflected(m, j)) / d, 0);
      });
      const worst = inverse.reduce((most, entry, at) => Math.max(most, Math.abs(entry - truth[at])), 0);
      expect(worst / kappa).toBeLessThan(1e-9);
    },
  );

  test('matrixInverse has second derivatives: of 1/x on a 1 × 1 matrix, 2/x³', async () => {
    const program = await compile(
      (x: Tensor) => grad((y: Tensor) => sum(grad((z: Tensor) => sum(matrixInverse(z)))(y)))(x),
      [spec([1, 1, 1])],
      { dtype: 'float64' },
    );
    const second = await program.run([array([2], [1, 1, 1])]);
    expect(second.data[0]).toBeCloseTo(2 / 8, 10);
    await program.dispose();
  });

  test('at L = 0 the exact and the learned denominator agree: both are the identity', async () => {
    const make = (denominator: 'exact' | 'learned') =>
      pade.create({ k: 2, channels: 2, modes: 3, degrees: 'full', denominator });
    const parameters = make('exact').init(key(1)) as { layers: { kernels: NDArray[] }[] };
    for (const { data } of parameters.layers.flatMap(({ kernels }) => kernels))
      (data as Float32Array).fill(0);
    const u = field(2, 2, 8);
    const [exact, learned] = await Promise.all(
      (['exact', 'learned'] as const).map((kind) =>
        evaluate((p: never, x: Tensor) => make(kind).apply(p, x), parameters, u),
      ),
    );
    expectClose(exact, learned, 1e-12);
  });
});

describe('resolutions', () => {
  test('one set of FNO parameters evaluates a band-limited field alike on grids of any length', async () => {
    const operator = fno.create({ width: 4, modes: 3, layers: 2 });
    const parameters = operator.init(key(9));
    const sample = (s: number): NDArray =>
      array(
        Float64Array.from({ length: s }, (_, i) => Math.sin((2 * Math.PI * i) / s) + 0.3),
        [1, s, 1],
      );
    const apply = ((p: never, x: Tensor) => operator.apply(p, x)) as never;
    const [coarse, fine] = [
      await evaluate(apply, parameters, sample(15)),
      await evaluate(apply, parameters, sample(60)),
    ];
    // ReLU makes harmonics that alias differently on the two grids, so agreement is close, not exact.
    const common = Array.from(coarse, (_, i) => fine[4 * i]);
    const distance = Math.hypot(...common.map((v, i) => v - coarse[i])) / Math.hypot(...common);
    expect(distance).toBeLessThan(0.05);
  });

  test.each(['mwt', 'pade'])('%s refuses a length that is no power of two', (name) => {
    expect(() => getOperator(name).checkResolution(96)).toThrow(/resolution 96: .*power of two/);
    expect(() => getOperator(name).checkResolution(128)).not.toThrow();
  });

  test.each<[string, Record<number, number>]>([
    ['mwt', { 32: 5, 64: 6, 1024: 10 }],
    ['pade-2layer', { 32: 5, 64: 6, 1024: 10 }],
    ['mgno-small', { 4: 1, 32: 4, 64: 5, 192: 5, 1024: 5 }],
    ['mgno', { 32: 4, 64: 5, 1024: 9 }],
    ['fno', { 32: 0, 1024: 0 }],
    ['lno', { 32: 0, 1024: 0 }],
    ['gno', { 32: 0, 1024: 0 }],
  ])('%s works on as many levels as its grid has of them', (name, expected) => {
    const operator = getOperator(name);
    const levels = Object.keys(expected).map((s) => [s, operator.levels(Number(s))]);
    expect(Object.fromEntries(levels)).toEqual(expected);
  });
});

describe('every operator', () => {
  const tiny: Record<string, Record<string, unknown>> = {
    fno: { width: 3, modes: 2, layers: 2 },
    mwt: { k: 2, channels: 2, modes: 2 },
    pade: { k: 2, channels: 2, modes: 2 },
    lno: { width: 3, rank: 2, layers: 2, hidden: [4, 5] },
    gno: { width: 3, kernelWidth: 4, depth: 2, radius: 0.25 },
    mgno: { width: 3, kernelWidth: 16, depth: 2, levels: 2 },
  };
  const familyOf = (name: string): string =>
    families.find((f) => name === f.name || name.startsWith(`${f.name}-`))?.name ?? '';

  test.each(operatorNames.map((name) => [name]))(
    '%s: the gradient of a loss agrees with central differences',
    async (name) => {
      const operator = getOperator(name, tiny[familyOf(name)]);
      const parameters = enlarge(operator.init(key(21)), 1.5);
      const u = field(22, 2, 8);
      const target = field(23, 2, 8);
      const loss = (p: never, x: Tensor, y: Tensor): Tensor => mean(square(sub(operator.apply(p, x), y)));
      const specs = [specsOf(parameters), specsOf(u), specsOf(target)] as never;
      const options = { dtype: 'float64' } as const;
      const value = await compile(loss as never, specs, options);
      const slope = await compile(grad(loss as never) as never, specs, options);
      const gradient = await slope.run([parameters, u, target] as never);
      // Along a random direction, all parameters at once.
      const leaves = split(key(24), 64);
      let index = 0;
      const direction = mapTree(parameters, (leaf: NDArray) =>
        array(normal(leaves[index++], leaf.data.length), leaf.shape),
      );
      const moved = (by: number): unknown => {
        const steps: NDArray[] = [];
        mapTree(direction, (leaf: NDArray) => steps.push(leaf));
        let i = 0;
        return mapTree(parameters, (leaf: NDArray) => {
          const step = steps[i++];
          return array(
            Float64Array.from(leaf.data, (v, j) => v + by * step.data[j]),
            leaf.shape,
          );
        });
      };
      const at = async (by: number): Promise<number> =>
        ((await value.run([moved(by), u, target] as never)) as NDArray).data[0];
      const difference = ((await at(1e-6)) - (await at(-1e-6))) / 2e-6;
      let along = 0;
      const slopes: NDArray[] = [];
      mapTree(gradient, (leaf: NDArray) => slopes.push(leaf));
      let i = 0;
      mapTree(direction, (leaf: NDArray) => {
        const other = slopes[i++];
        leaf.data.forEach((v, j) => (along += v * other.data[j]));
      });
      expect(Math.abs(along - difference)).toBeLessThan(1e-5 * Math.max(1, Math.abs(difference)));
      await Promise.all([value.dispose(), slope.dispose()]);
    },
  );

  test.each(operatorNames.map((name) => [name]))(
    '%s: equivariant under exchange of samples',
    async (name) => {
      const operator = getOperator(name, tiny[familyOf(name)]);
      const parameters = operator.init(key(31));
      const u = field(32, 2, 8);
      const swapped = array(Float64Array.from([...u.data.slice(8), ...u.data.slice(0, 8)]), u.shape);
      const apply = ((p: never, x: Tensor) => operator.apply(p, x)) as never;
      const [one, two] = [await evaluate(apply, parameters, u), await evaluate(apply, parameters, swapped)];
      expectClose([...two.slice(8), ...two.slice(0, 8)], one, 1e-12);
    },
  );

  test('an unknown name or option is answered with what is known', () => {
    expect(() => getOperator('fnoo')).toThrow(/operator 'fnoo' is unknown; expected one of pade, mwt, fno/);
    expect(() => getOperator('fno', { width: -3 })).toThrow(/fno: width/);
    expect(() => getOperator('fno', { widht: 3 })).toThrow(/widht/);
  });
});

test('settings of the authors come with a model, its variants included', () => {
  const settings = { learningRate: 1e-5, batchSize: 1, epochs: 200, schedule: { every: 10, gamma: 0.8 } };
  for (const name of ['mgno', 'mgno-small'])
    expect(getOperator(name).publishedTraining).toMatchObject(settings);
  expect(getOperator('fno').publishedTraining).toBeUndefined();
});

test('the Jacobian of a linear multiwavelet layer stack is constant: the kernels hold no hidden non-linearity', async () => {
  const operator = mwt.create({ k: 2, channels: 1, modes: 2, layers: 1 });
  const parameters = operator.init(key(41));
  // Up to the head the operator is affine; compare its Jacobian at two points that keep all head units on one side.
  const body = (p: never, u: Tensor): Tensor => reshape(operator.apply(p, mul(u, 1e-3)), [4]);
  const at = (u: NDArray) =>
    evaluate((p: never, x: Tensor) => jacobian((v: Tensor) => body(p, v))(x), parameters, u);
  expectClose(await at(field(42, 1, 4)), await at(field(43, 1, 4)), 1e-9);
});
