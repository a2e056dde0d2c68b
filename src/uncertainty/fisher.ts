/**
 * The Cramér–Rao bound of parameters θ seen through y = f(θ) + n with Gaussian noise, and the lemma that ties it to linear estimators:
 * for A of full column rank every left inverse B (B A = I) has B Bᵀ ≥ (AᵀA)⁻¹, with equality for the pseudo-inverse.
 */
import { CholeskyDecomposition, EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { compile, jacobian, sizeOf, spec, type NDArray, type Tensor } from '../tensor/index.ts';
import { compileOptions, type PrecisionChoice } from './precision.ts';

export interface FisherOptions extends PrecisionChoice {
  /** Standard deviation of the noise of every number of y; whiten f for any other covariance. */
  readonly deviation: number;
  /** Parameters that are known; they have no bound, and leave tighter ones to the others. Default none. */
  readonly known?: readonly number[] | undefined;
}

/**
 * √diag of the inverse Fisher information σ²(J_fᵀ J_f)⁻¹ at θ [n]: the least deviation that an unbiased estimator of each parameter
 * has while the others are unknown, too; 0 for known ones. Dense, in float64 unless said otherwise: for up to a thousand parameters.
 *
 * @throws if the Fisher matrix is singular: some combination of parameters leaves no trace in y, such as a factor that may move from
 * an image into its sensitivities. Fix it through `known`.
 */
export async function cramerRaoDeviation(
  f: (theta: Tensor) => Tensor,
  theta: NDArray,
  { deviation, known = [], dtype = 'float64', ...choice }: FisherOptions,
): Promise<Float64Array> {
  if (!(deviation > 0))
    throw new Error(`cramerRaoDeviation: deviation is ${deviation}, expected a positive number`);
  const n = sizeOf(theta.shape);
  const program = await compile(jacobian(f), [spec(theta.shape)], compileOptions({ ...choice, dtype }));
  let full: Matrix;
  try {
    const { data } = await program.run([theta]);
    full = Matrix.from1DArray(data.length / n, n, data);
  } finally {
    await program.dispose();
  }
  const free = Array.from({ length: n }, (_, i) => i).filter((i) => !known.includes(i));
  const j = full.subMatrixColumn(free);
  const inverse = invertGram(j);
  const result = new Float64Array(n);
  free.forEach((parameter, i) => (result[parameter] = deviation * Math.sqrt(inverse.get(i, i))));
  return result;
}

export interface LeftInverseComparison {
  /** ‖B A − I‖, largest entry: 0 for a left inverse. Where it is not small, B is biased and the bound does not hold for it. */
  readonly defect: number;
  /** Smallest eigenvalue of B Bᵀ − (AᵀA)⁻¹ over the largest of (AᵀA)⁻¹: not negative for a left inverse, 0 for the pseudo-inverse. */
  readonly smallestExcess: number;
  /** √ of the diagonals of B Bᵀ over (AᵀA)⁻¹: each ≥ 1 for a left inverse. */
  readonly deviationRatios: Float64Array;
}

/** The lemma on matrices A [m, n] and B [n, m]. @throws unless A has full column rank. */
export function compareLeftInverse(a: Matrix, b: Matrix): LeftInverseComparison {
  const bound = invertGram(a);
  const product = b.mmul(b.transpose());
  const eigenvalues = (m: Matrix): number[] =>
    new EigenvalueDecomposition(m, { assumeSymmetric: true }).realEigenvalues;
  return {
    defect: Matrix.sub(b.mmul(a), Matrix.eye(a.columns)).abs().max(),
    smallestExcess: Math.min(...eigenvalues(Matrix.sub(product, bound))) / Math.max(...eigenvalues(bound)),
    deviationRatios: Float64Array.from(product.diagonal(), (v, i) => Math.sqrt(v / bound.get(i, i))),
  };
}

/** A⁺ = (AᵀA)⁻¹Aᵀ. @throws unless A has full column rank. */
export const leastSquaresInverse = (a: Matrix): Matrix => invertGram(a).mmul(a.transpose());

/** A left inverse from any matrix W [n, m]: A⁺ + W (I − A A⁺); all of them have this form. */
export function leftInverseFrom(a: Matrix, w: Matrix): Matrix {
  const pseudo = leastSquaresInverse(a);
  return Matrix.add(pseudo, Matrix.sub(w, w.mmul(a).mmul(pseudo)));
}

/** (AᵀA)⁻¹ of A [m, n]. */
function invertGram(a: Matrix): Matrix {
  const gram = a.transpose().mmul(a);
  const decomposition = new CholeskyDecomposition(gram);
  const pivots = decomposition.lowerTriangularMatrix.diagonal();
  if (!decomposition.isPositiveDefinite() || Math.min(...pivots) < 1e-7 * Math.max(...pivots)) {
    throw new Error(
      `the Fisher matrix of ${a.columns} parameters and ${a.rows} measurements is singular: the measurements do not determine all parameters; measure more, or say which parameters are known`,
    );
  }
  return decomposition.solve(Matrix.eye(a.columns));
}
