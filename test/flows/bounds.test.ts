import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { array } from '../../src/tensor/index.ts';
import { key, normal, uniform } from '../../src/tensor/random.ts';
import {
  actNorm,
  additiveConstants,
  additiveCoupling,
  affineCoupling,
  bestDenseBound,
  bestSparseBound,
  certifiedConstants,
  denseBound,
  empiricalConstants,
  flow,
  gaussianBall,
  gaussianDenseBound,
  inverted,
  leakyRelu,
  lu,
  orthogonal,
  permutation,
  qr,
  regularizedGamma,
  requiredLipschitz,
  residual,
  residualConstants,
  sparseBound,
  type Layer,
} from '../../src/flows/index.ts';
import { perturb } from './support.ts';

describe('the regularised incomplete gamma function', () => {
  test('P(1, x) = 1 − e^{−x} and P(a + 1, x) = P(a, x) − xᵃ e^{−x} / Γ(a + 1)', () => {
    for (const x of [1e-6, 0.3, 1, 2.5, 20]) expect(regularizedGamma(1, x)).toBeCloseTo(-Math.expm1(-x), 13);
    let factorial = 1;
    for (let a = 1; a < 8; a++) {
      factorial *= a;
      for (const x of [0.5, 3, 9]) {
        const expected = regularizedGamma(a, x) - (x ** a * Math.exp(-x)) / factorial;
        expect(regularizedGamma(a + 1, x)).toBeCloseTo(expected, 12);
      }
    }
  });

  test('P(1/2, 1/2) and P(3/2, 9/2): one and three dimensions, one and three deviations', () => {
    expect(regularizedGamma(0.5, 0.5)).toBeCloseTo(0.6826894921370859, 13);
    expect(gaussianBall(3, 3)).toBeCloseTo(0.9707091134651118, 12);
  });

  test('it is a distribution function', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.1, max: 400, noNaN: true }),
        fc.double({ min: 0, max: 800, noNaN: true }),
        fc.double({ min: 1, max: 2, noNaN: true }),
        (a, x, more) => {
          const [low, high] = [regularizedGamma(a, x), regularizedGamma(a, x * more)];
          return low >= 0 && high <= 1 + 1e-12 && high >= low - 1e-12;
        },
      ),
    );
  });
});

describe('A6: golden values of the total-variation bounds', () => {
  test('dense: a uniform disc of radius ½ in the plane', () => {
    const bound = (lipschitz: number) => denseBound({ d: 2, radius: 0.5, lipschitz, mass: 1 });
    expect(bound(1)).toBeCloseTo(0.882497, 6);
    expect(bound(2)).toBeCloseTo(0.606531, 6);
    expect(bound(5)).toBeCloseTo(0.043937, 6);
  });

  test.each([
    [2, 0.5, 1, 0.47247],
    [2, 0.1, 1, 0.945003],
    [2, 0.1, 2, 0.839506],
    [3, 0.1, 1, 0.983734],
    [3, 0.5, 1, 0.572789],
  ])('dense: a Gaussian target, d = %i, σ = %f, L₁ = %f', (d, sigma, lipschitz, expected) => {
    const { radius, bound } = gaussianDenseBound({ d, sigma, lipschitz });
    expect(bound).toBeCloseTo(expected, 6);
    // The radius is the best one.
    for (const by of [0.99, 1.01]) {
      const mass = gaussianBall(d, (radius * by) / sigma);
      expect(denseBound({ d, radius: radius * by, lipschitz, mass })).toBeLessThan(bound);
    }
  });

  test('dense: the best radius for σ = ½, and 0 where L₁ ≥ 1/σ', () => {
    expect(Math.abs(gaussianDenseBound({ d: 2, sigma: 0.5, lipschitz: 1 }).radius - 0.9613)).toBeLessThan(
      1e-4,
    );
    expect(gaussianDenseBound({ d: 2, sigma: 0.5, lipschitz: 2 }).bound).toBe(0);
    expect(gaussianDenseBound({ d: 2, sigma: 0.5, lipschitz: 7 }).bound).toBe(0);
  });

  test.each([
    [2, 1, 0.393469],
    [2, 2, 0.117503],
    [2, 5, 0.019801],
    [3, 1, 0.198748],
    [3, 2, 0.03086],
    [3, 5, 0.002102],
  ])('sparse: a hole of radius 1, d = %i, L₂ = %f', (d, lipschitz, expected) => {
    expect(sparseBound({ d, radius: 1, lipschitz, mass: 0 })).toBeCloseTo(expected, 6);
  });
});

/** TV between N(0, a² I) and N(0, b² I), a < b, in d dimensions: the densities cross at one radius. */
function gaussianTv(d: number, a: number, b: number): number {
  const r = Math.sqrt((2 * d * Math.log(b / a)) / (1 / a ** 2 - 1 / b ** 2));
  return gaussianBall(d, r / a) - gaussianBall(d, r / b);
}

describe('A16: bounds stay below the total variation', () => {
  const positive = (min: number, max: number) => fc.double({ min, max, noNaN: true });

  test.each([1, 2, 3, 8])(
    'dense: Gaussian target and linear flow x ↦ L x in %i dimensions, for every σ and L',
    (d) => {
      fc.assert(
        fc.property(positive(0.05, 3), positive(0.05, 30), (sigma, l) => {
          const { bound } = gaussianDenseBound({ d, sigma, lipschitz: l });
          // The flow's density is N(0, 1/L²).
          const model = 1 / l;
          if (Math.abs(model / sigma - 1) < 1e-6) return bound < 1e-6;
          const tv = gaussianTv(d, Math.min(sigma, model), Math.max(sigma, model));
          return bound <= tv + 1e-9 && (l * sigma < 1 || bound === 0);
        }),
      );
    },
  );

  test.each([1, 2, 3, 8])(
    'sparse: Gaussian target and linear flow in %i dimensions, for every σ, L₂ and radius',
    (d) => {
      fc.assert(
        fc.property(positive(0.05, 5), positive(0.05, 5), positive(0.01, 10), (sigma, l, radius) => {
          // F⁻¹(z) = L₂ z: the flow's density is N(0, L₂²).
          const bound = sparseBound({ d, radius, lipschitz: l, mass: gaussianBall(d, radius / sigma) });
          if (Math.abs(l / sigma - 1) < 1e-6) return bound < 1e-6;
          const tv = gaussianTv(d, Math.min(sigma, l), Math.max(sigma, l));
          // A flow that is wider than the target empties no hole.
          return bound <= tv + 1e-9 && (l < sigma || bound === 0);
        }),
      );
    },
  );

  const n = 2000;
  const gaussian = (sigma: number, seed: number): Float64Array =>
    normal(key(seed), 2 * n).map((z) => sigma * z);

  test('from samples: the dense bound is below the exact one, and not by much; 0 where the flow can follow', () => {
    const exact = gaussianDenseBound({ d: 2, sigma: 0.1, lipschitz: 1 }).bound;
    const { bound } = bestDenseBound(gaussian(0.1, 1), 2, 1);
    expect(bound).toBeLessThan(exact);
    expect(bound).toBeGreaterThan(exact - 0.15);
    expect(bestDenseBound(gaussian(0.1, 2), 2, 10).bound).toBe(0);
    expect(bestDenseBound(gaussian(1, 3), 2, 1).bound).toBe(0);
  });

  test('from samples: the constant that is required is near to 1/σ and not above', () => {
    const required = requiredLipschitz(gaussian(0.1, 1), 2);
    expect(required).toBeLessThan(10);
    expect(required).toBeGreaterThan(5);
  });

  test('from samples: the sparse bound of a ring is that of its hole less the chance of the sample', () => {
    const angles = uniform(key(4), n);
    const ring = Float64Array.from({ length: 2 * n }, (_, i) => {
      const a = 2 * Math.PI * angles[i >> 1];
      return i % 2 ? Math.sin(a) : Math.cos(a);
    });
    const slack = Math.sqrt(Math.log(100) / (2 * n));
    expect(bestSparseBound(ring, 2, 1, [0, 0]).bound).toBeCloseTo(0.393469 - slack, 6);
  });
});

describe('Lipschitz constants', () => {
  test('of an additive coupling: the largest singular value of [1 0; ℓ 1]', () => {
    for (const l of [0, 0.5, 3]) {
      const { forward, inverse } = additiveConstants(l);
      // σ² + 1/σ² = trace of AᵀA = 2 + ℓ², since det A = 1.
      expect(forward ** 2 + forward ** -2).toBeCloseTo(2 + l * l, 12);
      expect(inverse).toBe(forward);
    }
    expect(residualConstants(0.9).inverse).toBeCloseTo(10, 12);
  });

  const d = 4;
  const x = array(normal(key(1), 60 * d), [60, d]);
  const cases: [string, Layer][] = [
    ['leaky ReLU', leakyRelu.create({ slope: 0.3 })],
    ['LU', lu.create()],
    ['QR', qr.create()],
    ['orthogonal', orthogonal.create()],
    ['permutation', permutation.create()],
    ['ActNorm', actNorm.create()],
    ['additive coupling', additiveCoupling.create({ hidden: [6] })],
    ['residual', residual.create({ hidden: [8], coefficient: 0.8 })],
    ['inverse LU', inverted(lu.create())],
  ] as never;

  test.each(cases)('%s: what is certified is above every slope among samples', async (_, layer) => {
    const model = flow({ shape: [d], layers: [layer] });
    const p = perturb(model.init(key(2)), 3, 0.4);
    const certified = certifiedConstants(model, p);
    const found = await empiricalConstants(model, p, x, { threads: 1 });
    expect(certified).not.toBeNull();
    expect(found.forward).toBeLessThanOrEqual((certified?.forward ?? 0) * (1 + 1e-9));
    expect(found.inverse).toBeLessThanOrEqual((certified?.inverse ?? 0) * (1 + 1e-9));
  });

  test('linear layers: certified and found constants are the same', async () => {
    const model = flow({ shape: [d], layers: [lu.create(), permutation.create()] as Layer[] });
    const p = perturb(model.init(key(2)), 3, 0.4);
    const certified = certifiedConstants(model, p);
    const found = await empiricalConstants(model, p, x, { threads: 1 });
    expect(found.forward).toBeCloseTo(certified?.forward ?? 0, 9);
    expect(found.inverse).toBeCloseTo(certified?.inverse ?? 0, 9);
  });

  test('an affine coupling has none on the whole space, and so has no flow with one', () => {
    const model = flow({ shape: [d], layers: [lu.create(), affineCoupling.create()] as Layer[] });
    expect(certifiedConstants(model, model.init(key(1)))).toBeNull();
  });
});
