/** Small complex matrices, traced: [.., n, n] as real matrices [[A, −B], [B, A]] of twice the size. */
import {
  add,
  complex,
  concat,
  constant,
  expandDims,
  inverse,
  mul,
  neg,
  reshape,
  sliceAxis,
  solve,
  sum,
  type Complex,
  type Tensor,
} from '../tensor/index.ts';

/** X with G X = B: G [.., n, n], B [.., n, k]. */
export function solveComplex(g: Complex, b: Complex): Complex {
  const n = g.re.shape[g.re.rank - 1];
  const x = solve(embed(g), concat([b.re, b.im], -2));
  return { re: sliceAxis(x, -2, 0, n), im: sliceAxis(x, -2, n) };
}

/** The diagonal [.., n] of the inverse of a Hermitian G [.., n, n]. */
export function inverseDiagonal(g: Complex): Tensor {
  const n = g.re.shape[g.re.rank - 1];
  return diagonal(sliceAxis(sliceAxis(inverse(embed(g)), -1, 0, n), -2, 0, n));
}

/** The diagonal [.., n] of A [.., n, n]. */
export const diagonal = (a: Tensor): Tensor => sum(mul(a, identity(a)), -1);

/** A + diag(values), values [.., n]. */
export const addDiagonal = ({ re, im }: Complex, values: Tensor): Complex => ({
  re: add(re, mul(identity(re), expandDims(values, -1))),
  im,
});

function embed({ re, im }: Complex): Tensor {
  return concat([concat([re, neg(im)], -1), concat([im, re], -1)], -2);
}

function identity(a: Tensor): Tensor {
  const n = a.shape[a.rank - 1];
  const values = Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0));
  return constant(values, [n, n], a.dtype);
}

/** M x over coils: M [m, c], x [.., c, h, w] → [.., m, h, w]. */
export function applyToCoils(matrix: Complex, x: Complex): Complex {
  const { shape } = x.re;
  const [coils, h, w] = shape.slice(-3);
  const flat = complex.mapParts(x, (part) => reshape(part, [...shape.slice(0, -3), coils, h * w]));
  return complex.mapParts(complex.matmul(matrix, flat), (part) =>
    reshape(part, [...part.shape.slice(0, -1), h, w]),
  );
}
