import { describe, expect, test } from 'vitest';
import { Matrix } from 'ml-matrix';
import { multiwaveletFilters, waveletMatrices, type WaveletBasis } from '../../src/operators/index.ts';

const largest = (m: Matrix): number => Math.max(...m.to1DArray().map(Math.abs));

/** The condition of [H; G] decides how far rounding is amplified: 32 at k = 6 for Chebyshev, and it grows with k. */
const tolerance = (basis: WaveletBasis): number => (basis === 'legendre' ? 1e-14 : 1e-10);

describe.each(['legendre', 'chebyshev'] as const)('%s filters', (basis) => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])('k = %i: orthonormal in the inner product of the half cells', (k) => {
    const { H0, H1, G0, G1, Phi0, Phi1 } = multiwaveletFilters(basis, k);
    const gram = (a0: Matrix, a1: Matrix, b0: Matrix, b1: Matrix): Matrix =>
      a0.mmul(Phi0).mmul(b0.transpose()).add(a1.mmul(Phi1).mmul(b1.transpose()));
    const identity = Matrix.eye(k, k);
    if (basis === 'legendre' || k % 2 === 0) {
      expect(largest(gram(H0, H1, H0, H1).sub(identity))).toBeLessThan(tolerance(basis));
    }
    expect(largest(gram(G0, G1, G0, G1).sub(identity))).toBeLessThan(tolerance(basis));
    expect(largest(gram(H0, H1, G0, G1))).toBeLessThan(tolerance(basis));
  });

  test.each([
    [2, 1],
    [4, 1],
    [6, 1],
    [8, 1],
    [2, 2],
    [4, 2],
  ])('k = %i, %i axes: synthesis undoes analysis on every channel', (k, axes) => {
    const channels = 3;
    const size = 2 ** axes * channels * k ** axes;
    const { analysis, synthesis } = waveletMatrices(multiwaveletFilters(basis, k), channels, axes);
    const square = (data: Float64Array): Matrix => Matrix.from1DArray(size, size, Array.from(data));
    const roundTrip = square(analysis).mmul(square(synthesis));
    expect(largest(roundTrip.sub(Matrix.eye(size, size)))).toBeLessThan(tolerance(basis));
  });
});

test('Legendre k = 4 equals the published filters, signs included', () => {
  const { H0, H1, G0, G1 } = multiwaveletFilters('legendre', 4);
  const golden = {
    H0: [
      0.707107, 0, 0, 0, -0.612372, 0.353553, 0, 0, 0, -0.684653, 0.176777, 0, 0.233854, 0.405046, -0.522913,
      0.088388,
    ],
    H1: [
      0.707107, 0, 0, 0, 0.612372, 0.353553, 0, 0, 0, 0.684653, 0.176777, 0, -0.233854, 0.405046, 0.522913,
      0.088388,
    ],
    G0: [
      0.265165, 0.459279, 0.461165, -0.077951, 0, 0.176777, 0.684653, 0, 0, 0, 0.117851, 0.697217, 0, 0, 0,
      0.707107,
    ],
    G1: [
      -0.265165, 0.459279, -0.461165, -0.077951, 0, -0.176777, 0.684653, 0, 0, 0, -0.117851, 0.697217, 0, 0,
      0, -0.707107,
    ],
  };
  for (const [name, matrix] of Object.entries({ H0, H1, G0, G1 })) {
    const expected = golden[name as keyof typeof golden];
    matrix.to1DArray().forEach((value, i) => expect(value).toBeCloseTo(expected[i], 5));
  }
});

test('wavelets of degree k have k vanishing moments: G maps polynomials of degree < k to zero', () => {
  // The scaling coefficients of both halves of φ_j are the rows of H, so G Hᵀ = 0 says it; here on sampled polynomials.
  const k = 3;
  const { H0, H1, G0, G1 } = multiwaveletFilters('legendre', k);
  const coarse = Matrix.columnVector([0.3, -1.2, 0.7]);
  const left = H0.transpose().mmul(coarse);
  const right = H1.transpose().mmul(coarse);
  expect(largest(G0.mmul(left).add(G1.mmul(right)))).toBeLessThan(1e-14);
  expect(largest(H0.mmul(left).add(H1.mmul(right)).sub(coarse))).toBeLessThan(1e-14);
});

test.each([0, 9, 2.5])('k = %s is refused', (k) => {
  expect(() => multiwaveletFilters('legendre', k)).toThrow(/k = .*expected a whole number from 1 to 8/);
});
