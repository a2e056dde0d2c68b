/**
 * Linear algebra over the last two axes, for small matrices in batches. Engines run the expansions of elimination.ts
 * (about ten nodes a row: meant for n up to 16 or so); the reference takes any n.
 *
 * Derivative rules: Giles, "Collected matrix derivative results for forward and reverse mode algorithmic
 * differentiation" (2008); for Cholesky, Murray, arXiv 1602.07527.
 *
 * Nothing throws on numbers: a singular matrix gives infinities or NaN (logarithm of the determinant −∞, sign 0), a matrix
 * that is not positive definite gives NaN in its Cholesky factor. `checkNumerics` names the op where that happened.
 */
import { defineOp, type OpDefinition, type Signature } from '../op.ts';
import { broadcastShapes, showShape } from '../shape.ts';
import { apply, constant, type Tensor } from '../tensor.ts';
import { add, exp, mul, neg } from './arithmetic.ts';
import { requireFloat } from './broadcast.ts';
import {
  expandCholesky,
  expandDeterminantSign,
  expandLogAbsDeterminant,
  expandSolve,
  expandTriangularSolve,
} from './elimination.ts';
import {
  referenceCholesky,
  referenceDeterminant,
  referenceSolve,
  referenceTriangularSolve,
} from './linalgReference.ts';
import { matmul } from './matmul.ts';
import { alignRanks, broadcastTo, expandDims, sumToShape, transpose } from './shape.ts';

function requireSquare(name: string, { shape, dtype }: Signature): void {
  requireFloat(name, { shape, dtype });
  if (
    shape.length < 2 ||
    shape[shape.length - 1] !== shape[shape.length - 2] ||
    shape[shape.length - 1] === 0
  ) {
    throw new Error(`${name}: the matrix has shape ${showShape(shape)}, expected [..., n, n] with n ≥ 1`);
  }
}

function inferSolve(name: string, [a, b]: readonly Signature[]): Signature {
  requireSquare(name, a);
  const n = a.shape[a.shape.length - 1];
  if (b.dtype !== a.dtype)
    throw new Error(`${name}: operands are ${a.dtype} and ${b.dtype}; cast one of them first`);
  if (b.shape.length < 2 || b.shape[b.shape.length - 2] !== n) {
    throw new Error(
      `${name}: the right-hand side has shape ${showShape(b.shape)}, expected [..., ${n}, k]; give a vector as a column`,
    );
  }
  return {
    shape: [...broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2), name), ...b.shape.slice(-2)],
    dtype: a.dtype,
  };
}

const identityLike = (a: Tensor): Tensor => {
  const n = a.shape[a.rank - 1];
  const data = Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0));
  return constant(data, [n, n], a.dtype);
};

/** Keeps one triangle of the last two axes; `diagonal` is the factor on the diagonal. */
function triangle(a: Tensor, lower: boolean, diagonal: number): Tensor {
  const n = a.shape[a.rank - 1];
  const factors = Float64Array.from({ length: n * n }, (_, flat) => {
    const [i, j] = [Math.floor(flat / n), flat % n];
    return i === j ? diagonal : i > j === lower ? 1 : 0;
  });
  return mul(a, constant(factors, [n, n], a.dtype));
}

// ── general matrices ─────────────────────────────────────────────────────────────────────────────────────────────

const solveOp: OpDefinition = defineOp({
  name: 'solve',
  infer: (inputs) => inferSolve('solve', inputs),
  vjp: ({ inputs: [a, b], output, cotangent }) => {
    const db = solve(transpose(a), cotangent);
    return [sumToShape(neg(matmul(db, transpose(output))), a.shape), sumToShape(db, b.shape)];
  },
  batch: (inputs, batched) => apply(solveOp, alignRanks(inputs, batched), {}),
  expand: ([a, b]) => expandSolve(a, b),
  reference: ([a, b], node) => referenceSolve(a, b, node),
  examples: [
    { inputs: [{ shape: [3, 3], kind: 'invertible' }, { shape: [3, 2] }] },
    { inputs: [{ shape: [2, 4, 4], kind: 'invertible' }, { shape: [4, 1] }] },
    { inputs: [{ shape: [2, 2], kind: 'invertible' }, { shape: [3, 2, 2] }] },
  ],
});

/**
 * X with A X = B: A [..., n, n], B [..., n, k], batch axes broadcast. Gaussian elimination with partial pivoting.
 *
 * @throws if A is not square or B does not fit.
 */
export const solve = (a: Tensor, b: Tensor): Tensor => apply(solveOp, [a, b], {});

const inverseOp: OpDefinition = defineOp({
  name: 'inverse',
  infer: ([a]) => {
    requireSquare('inverse', a);
    return a;
  },
  vjp: ({ output, cotangent }) => {
    const transposed = transpose(output);
    return [neg(matmul(matmul(transposed, cotangent), transposed))];
  },
  batch: ([a]) => inverse(a),
  expand: ([a]) => expandSolve(a, identityLike(a)),
  reference: ([a], node) => {
    const n = node.shape[node.shape.length - 1];
    const eye = Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0));
    return referenceSolve(a, { data: eye, shape: [n, n], dtype: 'float64' }, node);
  },
  examples: [
    { inputs: [{ shape: [3, 3], kind: 'invertible' }] },
    { inputs: [{ shape: [2, 4, 4], kind: 'invertible' }] },
    { inputs: [{ shape: [1, 1], range: [1, 2] }] },
  ],
});

/** A⁻¹ over the last two axes. To apply an inverse to something, `solve` is cheaper and more accurate. */
export const inverse = (a: Tensor): Tensor => apply(inverseOp, [a], {});

const inferDeterminant = (name: string, a: Signature): Signature => {
  requireSquare(name, a);
  return { shape: a.shape.slice(0, -2), dtype: a.dtype };
};

const logAbsDeterminantOp: OpDefinition = defineOp({
  name: 'logAbsDeterminant',
  infer: ([a]) => inferDeterminant('logAbsDeterminant', a),
  vjp: ({ inputs: [a], cotangent }) => {
    const spread = broadcastTo(expandDims(cotangent, [-2, -1]), a.shape);
    return [mul(spread, transpose(inverse(a)))];
  },
  batch: ([a]) => logAbsDeterminant(a),
  expand: ([a]) => expandLogAbsDeterminant(a),
  reference: ([a], node) => referenceDeterminant(a, node, 'logAbs'),
  examples: [
    { inputs: [{ shape: [3, 3], kind: 'invertible' }] },
    { inputs: [{ shape: [2, 4, 4], kind: 'invertible' }] },
    { inputs: [{ shape: [1, 1], range: [1, 2] }] },
  ],
});

/** log |det A| over the last two axes: [..., n, n] → [...]. */
export const logAbsDeterminant = (a: Tensor): Tensor => apply(logAbsDeterminantOp, [a], {});

const determinantSignOp: OpDefinition = defineOp({
  name: 'determinantSign',
  infer: ([a]) => inferDeterminant('determinantSign', a),
  vjp: 'none',
  batch: ([a]) => determinantSign(a),
  expand: ([a]) => expandDeterminantSign(a),
  reference: ([a], node) => referenceDeterminant(a, node, 'sign'),
  examples: [
    { inputs: [{ shape: [3, 3] }] },
    { inputs: [{ shape: [5, 4, 4] }] },
    { inputs: [{ shape: [4, 1, 1] }] },
  ],
});

/** Sign of det A: −1, 0 or 1. */
export const determinantSign = (a: Tensor): Tensor => apply(determinantSignOp, [a], {});

/** Sign and logarithm of |det A|, which do not overflow where the determinant would. [..., n, n] → [...] each. */
export const slogdet = (a: Tensor): { sign: Tensor; logAbs: Tensor } => ({
  sign: determinantSign(a),
  logAbs: logAbsDeterminant(a),
});

/** det A as sign · exp(log |det A|); its gradient det(A) A⁻ᵀ is NaN where A is singular. */
export const determinant = (a: Tensor): Tensor => mul(determinantSign(a), exp(logAbsDeterminant(a)));

// ── triangular and positive definite matrices ────────────────────────────────────────────────────────────────────

export type TriangularAttributes = { readonly lower: boolean; readonly transpose: boolean };

const triangularSolveOp: OpDefinition<TriangularAttributes> = defineOp<TriangularAttributes>({
  name: 'triangularSolve',
  infer: (inputs) => inferSolve('triangularSolve', inputs),
  vjp: ({ inputs: [t, b], output, cotangent, attributes: { lower, transpose: transposed } }) => {
    const db = triangularSolve(t, cotangent, { lower, transpose: !transposed });
    const dt = transposed ? matmul(output, transpose(db)) : matmul(db, transpose(output));
    return [sumToShape(neg(triangle(dt, lower, 1)), t.shape), sumToShape(db, b.shape)];
  },
  batch: (inputs, batched, attributes) => apply(triangularSolveOp, alignRanks(inputs, batched), attributes),
  expand: ([t, b], attributes) => expandTriangularSolve(t, b, attributes),
  reference: ([t, b], node) => referenceTriangularSolve(t, b, node, node.attributes),
  examples: [
    {
      inputs: [{ shape: [3, 3], kind: 'lower' }, { shape: [3, 2] }],
      attributes: { lower: true, transpose: false },
    },
    {
      inputs: [{ shape: [2, 4, 4], kind: 'lower' }, { shape: [4, 1] }],
      attributes: { lower: true, transpose: true },
    },
    {
      inputs: [{ shape: [3, 3], kind: 'spd' }, { shape: [2, 3, 2] }],
      attributes: { lower: false, transpose: false },
    },
    {
      inputs: [{ shape: [3, 3], kind: 'spd' }, { shape: [3, 1] }],
      attributes: { lower: false, transpose: true },
    },
  ],
});

/**
 * X with T X = B (or Tᵀ X = B with `transpose`) for a triangular T [..., n, n], of which only the triangle named by
 * `lower` is read; B [..., n, k], batch axes broadcast.
 *
 * @throws if T is not square or B does not fit.
 */
export const triangularSolve = (
  t: Tensor,
  b: Tensor,
  { lower = true, transpose = false }: { readonly lower?: boolean; readonly transpose?: boolean } = {},
): Tensor => apply(triangularSolveOp, [t, b], { lower, transpose });

const choleskyOp: OpDefinition = defineOp({
  name: 'cholesky',
  infer: ([a]) => {
    requireSquare('cholesky', a);
    return a;
  },
  // Ā = L⁻ᵀ Φ(Lᵀ L̄) L⁻¹, brought to the lower triangle, the only part of A that is read.
  vjp: ({ output, cotangent }) => {
    const inner = triangle(matmul(transpose(output), cotangent), true, 0.5);
    const left = triangularSolve(output, inner, { transpose: true });
    const both = transpose(triangularSolve(output, transpose(left), { transpose: true }));
    return [triangle(add(both, transpose(both)), true, 0.5)];
  },
  batch: ([a]) => apply(choleskyOp, [a], {}),
  expand: ([a]) => expandCholesky(a),
  reference: ([a], node) => referenceCholesky(a, node),
  examples: [
    { inputs: [{ shape: [3, 3], kind: 'spd' }] },
    { inputs: [{ shape: [2, 4, 4], kind: 'spd' }] },
    { inputs: [{ shape: [1, 1], range: [1, 2] }] },
  ],
});

/** Lower triangular L with L Lᵀ = (A + Aᵀ) / 2; the gradient is symmetric. NaN where A is not positive definite. */
export function cholesky(a: Tensor): Tensor {
  requireSquare('cholesky', a);
  return apply(choleskyOp, [mul(add(a, transpose(a)), 0.5)], {});
}
