/**
 * Filters of Alpert's multiwavelets in float64 (Alpert, Beylkin, Gines & Vozovoi 2002; Gupta, Xiao & Bogdan 2021).
 *
 * Both families are built by one algorithm. A function that is a polynomial of degree < k on each half of [0, 1] has 2k
 * coordinates in the basis √2 φ_j(2x) (left half), √2 φ_j(2x − 1) (right half). In these coordinates the scaling functions
 * of the coarse cell are the rows of H = [H0 H1], the inner product is M = diag(Φ0, Φ1), and the wavelets are the
 * M-orthogonal complement of the rows of H. Orthogonalising coordinate vectors twice keeps 1e-14 for k ≤ 8, where
 * expansions in monomials lose all digits.
 */
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';

export type WaveletBasis = 'legendre' | 'chebyshev';

export interface MultiwaveletFilters {
  readonly basis: WaveletBasis;
  readonly k: number;
  /** Scaling and wavelet filters of the left (0) and right (1) half, each k × k. */
  readonly H0: Matrix;
  readonly H1: Matrix;
  readonly G0: Matrix;
  readonly G1: Matrix;
  /** Gram corrections; the identity for Legendre, whose weight is invariant under dilation. */
  readonly Phi0: Matrix;
  readonly Phi1: Matrix;
}

interface Family {
  /** Values φ_0(x) … φ_{k−1}(x) of the orthonormal polynomials on [0, 1]; zero outside. */
  evaluate(k: number, x: number): number[];
  /** Quadrature of the weighted inner product on [0, 1]. */
  quadrature(k: number): { nodes: number[]; weights: number[] };
}

/** Nodes and weights of n-point Gauss–Legendre quadrature on [0, 1] (Golub & Welsch 1969). */
function gaussLegendre(n: number): { nodes: number[]; weights: number[] } {
  const jacobi = Matrix.zeros(n, n);
  for (let i = 1; i < n; i++) {
    const off = i / Math.sqrt(4 * i * i - 1);
    jacobi.set(i, i - 1, off);
    jacobi.set(i - 1, i, off);
  }
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(jacobi, {
    assumeSymmetric: true,
  });
  return {
    nodes: realEigenvalues.map((x) => (x + 1) / 2),
    weights: realEigenvalues.map((_, i) => eigenvectorMatrix.get(0, i) ** 2),
  };
}

const inside = (x: number): boolean => x >= 0 && x <= 1;

const families: Record<WaveletBasis, Family> = {
  // φ_j = √(2j + 1) P_j(2x − 1), weight 1.
  legendre: {
    evaluate: (k, x) => {
      if (!inside(x)) return new Array<number>(k).fill(0);
      const t = 2 * x - 1;
      const p = [1, t];
      for (let j = 2; j < k; j++) p.push(((2 * j - 1) * t * p[j - 1] - (j - 1) * p[j - 2]) / j);
      return p.slice(0, k).map((value, j) => Math.sqrt(2 * j + 1) * value);
    },
    quadrature: gaussLegendre,
  },
  // φ_0 = √(2/π), φ_j = (2/√π) T_j(2x − 1), weight (1 − (2x − 1)²)^(−1/2).
  chebyshev: {
    evaluate: (k, x) => {
      if (!inside(x)) return new Array<number>(k).fill(0);
      const t = 2 * x - 1;
      const p = [1, t];
      for (let j = 2; j < k; j++) p.push(2 * t * p[j - 1] - p[j - 2]);
      return p
        .slice(0, k)
        .map((value, j) => (j === 0 ? Math.sqrt(2 / Math.PI) : 2 / Math.sqrt(Math.PI)) * value);
    },
    quadrature: (k) => {
      const n = 2 * k;
      const nodes = Array.from(
        { length: n },
        (_, m) => (Math.cos(((2 * m + 1) * Math.PI) / (2 * n)) + 1) / 2,
      );
      return { nodes, weights: nodes.map(() => Math.PI / (2 * n)) };
    },
  },
};

/**
 * Two-scale filters for polynomials of degree < k.
 *
 * @throws if k is not a whole number from 1 to 8.
 */
export function multiwaveletFilters(basis: WaveletBasis, k: number): MultiwaveletFilters {
  if (!Number.isInteger(k) || k < 1 || k > 8) {
    throw new Error(`multiwaveletFilters: k = ${k}, expected a whole number from 1 to 8`);
  }
  const family = families[basis];
  const { nodes, weights } = family.quadrature(k);
  const phi = (x: number): number[] => family.evaluate(k, x);

  /** Σ_m w_m f_i(x_m) g_j(x_m). */
  const inner = (f: (x: number) => number[], g: (x: number) => number[], scale: number): Matrix => {
    const out = Matrix.zeros(k, k);
    nodes.forEach((x, m) => {
      const left = f(x);
      const right = g(x);
      for (let i = 0; i < k; i++) {
        for (let j = 0; j < k; j++) out.set(i, j, out.get(i, j) + scale * weights[m] * left[i] * right[j]);
      }
    });
    return out;
  };
  const H0 = inner((x) => phi(x / 2), phi, Math.SQRT1_2);
  const H1 = inner((x) => phi((x + 1) / 2), phi, Math.SQRT1_2);
  const halves = (shift: number) => (x: number) => phi(2 * x - shift);
  const identity = Matrix.eye(k, k);
  const Phi0 = basis === 'legendre' ? identity : inner(halves(0), halves(0), 2);
  const Phi1 = basis === 'legendre' ? identity : inner(halves(1), halves(1), 2);

  const G = orthogonalComplement(beside(H0, H1), blockDiagonal(Phi0, Phi1));
  return {
    basis,
    k,
    H0,
    H1,
    G0: G.subMatrix(0, k - 1, 0, k - 1),
    G1: G.subMatrix(0, k - 1, k, 2 * k - 1),
    Phi0,
    Phi1,
  };
}

const beside = (a: Matrix, b: Matrix): Matrix =>
  new Matrix(a.to2DArray().map((row, i) => [...row, ...b.getRow(i)]));

function blockDiagonal(a: Matrix, b: Matrix): Matrix {
  const out = Matrix.zeros(a.rows + b.rows, a.columns + b.columns);
  out.setSubMatrix(a, 0, 0);
  out.setSubMatrix(b, a.rows, a.columns);
  return out;
}

/** k rows that are M-orthonormal among themselves and to the M-orthonormal rows of H: e_0 … e_{k−1} made orthogonal, twice. */
function orthogonalComplement(H: Matrix, M: Matrix): Matrix {
  const rows = H.to2DArray();
  const k = rows.length;
  const dot = (a: number[], b: number[]): number =>
    a.reduce((total, value, i) => total + value * M.getRow(i).reduce((sum, m, j) => sum + m * b[j], 0), 0);
  for (let i = 0; i < k; i++) {
    let v = Array.from({ length: 2 * k }, (_, j): number => (j === i ? 1 : 0));
    for (let pass = 0; pass < 2; pass++) {
      for (const row of rows) {
        const projection = dot(v, row);
        v = v.map((value, j) => value - projection * row[j]);
      }
    }
    const norm = Math.sqrt(dot(v, v));
    rows.push(v.map((value) => value / norm));
  }
  return new Matrix(rows.slice(k));
}

/**
 * The transforms along one or more axes as matrices that act from the right on rows of c channels × k^axes coefficients:
 * analysis  [even | odd]^axes → [s | d]^axes  and synthesis back, each n × n for n = 2^axes · c · k^axes, row-major.
 *
 * In two axes the 2² cells (even, even), (even, odd), (odd, even), (odd, odd) become the 2² parts LL, LH, HL and HH (L:
 * scaling, H: detail, along the first axis and along the second): all of them, so nothing is lost.
 */
export function waveletMatrices(
  { k, H0, H1, G0, G1, Phi0, Phi1 }: MultiwaveletFilters,
  channels: number,
  axes = 1,
): { analysis: Float64Array; synthesis: Float64Array } {
  const analysis = [
    [H0.transpose(), G0.transpose()],
    [H1.transpose(), G1.transpose()],
  ];
  const synthesis = [
    [H0.mmul(Phi0), H1.mmul(Phi1)],
    [G0.mmul(Phi0), G1.mmul(Phi1)],
  ];
  return {
    analysis: tensorPower(analysis, k, channels, axes),
    synthesis: tensorPower(synthesis, k, channels, axes),
  };
}

/** A 2 × 2 grid of k × k blocks as a map of (half, coefficient) along each axis alike, repeated for every channel. */
function tensorPower(blocks: Matrix[][], k: number, channels: number, axes: number): Float64Array {
  const [cells, coefficients] = [2 ** axes, k ** axes];
  const width = channels * coefficients;
  const out = new Float64Array((cells * width) ** 2);
  for (let p = 0; p < cells; p++) {
    for (let q = 0; q < cells; q++) {
      for (let i = 0; i < coefficients; i++) {
        for (let j = 0; j < coefficients; j++) {
          let value = 1;
          for (let axis = 0; axis < axes; axis++) {
            const block = blocks[digit(p, 2, axis)][digit(q, 2, axis)];
            value *= block.get(digit(i, k, axis), digit(j, k, axis));
          }
          for (let c = 0; c < channels; c++) {
            const row = p * width + c * coefficients + i;
            out[row * cells * width + q * width + c * coefficients + j] = value;
          }
        }
      }
    }
  }
  return out;
}

/** The last axis is the last digit of an index; which axis takes which digit does not matter, as all are alike. */
const digit = (index: number, base: number, place: number): number =>
  Math.floor(index / base ** place) % base;
