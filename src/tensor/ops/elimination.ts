/**
 * Linear algebra written in elementary ops, for engines without kernels of it: elimination unrolled over the rows, all
 * matrices of a batch at once.
 */
import { broadcastShapes } from '../shape.ts';
import { constant, type Tensor } from '../tensor.ts';
import { abs, add, div, log, mul, sign, sqrt, sub } from './arithmetic.ts';
import { equal, select } from './logic.ts';
import { argMax } from './reduction.ts';
import { broadcastTo, concat, expandDims, squeeze, transpose } from './shape.ts';
import { pad, sliceAxis } from './slice.ts';
import { sum } from './sum.ts';

const size = (a: Tensor): number => a.shape[a.rank - 1];

/** A boolean column [n, 1] that is true in the rows where `test` holds. */
const rowsWhere = (n: number, test: (row: number) => boolean): Tensor =>
  constant({ data: Uint8Array.from({ length: n }, (_, i) => Number(test(i))), shape: [n, 1], dtype: 'bool' });

interface Step {
  /** [..., 1, 1]: the pivot, and the row [..., 1, 1] it stood in. */
  readonly pivot: Tensor;
  readonly row: Tensor;
}

/**
 * Gauss–Jordan elimination with partial pivoting of [A | B] (Golub & Van Loan, section 3.4). Column k is dropped once it is
 * a unit vector, so what is left in the end is A⁻¹B (`null` when B is absent).
 */
function eliminate(a: Tensor, b: Tensor | null): { solution: Tensor | null; steps: Step[] } {
  const n = size(a);
  const rows = constant({ data: Int32Array.from({ length: n }, (_, i) => i), shape: [n, 1], dtype: 'int32' });
  const steps: Step[] = [];
  let work: Tensor | null = b ? concat([a, b], -1) : a;
  for (let k = 0; k < n; k++) {
    const table: Tensor = work;
    const column = sliceAxis(table, -1, 0, 1);
    const row = expandDims(
      argMax(
        select(
          rowsWhere(n, (i) => i >= k),
          abs(column),
          -1,
        ),
        -2,
      ),
      -1,
    );
    const isPivot = equal(row, rows);
    const pickRow = (x: Tensor): Tensor => sum(select(isPivot, x, 0), -2, { keepDims: true });
    const pivot = pickRow(column);
    steps.push({ pivot, row });
    if (size(table) === 1) {
      work = null;
      break;
    }
    const rest = sliceAxis(table, -1, 1);
    // A pivot of 0 must show in a solution as infinite; a determinant only has to keep it among its factors.
    const divisor = b ? pivot : select(equal(pivot, 0), 1, pivot);
    const normalized = div(pickRow(rest), divisor);
    // Row k takes the pivot's place; the pivot's row itself becomes row k.
    const swap = (x: Tensor): Tensor => select(isPivot, sliceAxis(x, -2, k, k + 1), x);
    const reduced = sub(swap(rest), mul(swap(column), normalized));
    work = select(
      rowsWhere(n, (i) => i === k),
      normalized,
      reduced,
    );
  }
  return { solution: work, steps };
}

/** Gives both operands the batch axes that they broadcast to. */
function shareBatch(a: Tensor, b: Tensor): [Tensor, Tensor] {
  const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2), 'solve');
  const widen = (x: Tensor): Tensor => broadcastTo(x, [...batch, ...x.shape.slice(-2)]);
  return [widen(a), widen(b)];
}

export function expandSolve(a: Tensor, b: Tensor): Tensor {
  const [matrix, right] = shareBatch(a, b);
  // A right-hand side without columns leaves nothing to solve.
  return eliminate(matrix, right).solution ?? right;
}

export function expandLogAbsDeterminant(a: Tensor): Tensor {
  const terms = eliminate(a, null).steps.map(({ pivot }) => log(abs(pivot)));
  return squeeze(terms.reduce(add), [-2, -1]);
}

export function expandDeterminantSign(a: Tensor): Tensor {
  const factors = eliminate(a, null).steps.map(({ pivot, row }, k) => {
    const place = constant({ data: Int32Array.of(k), shape: [], dtype: 'int32' });
    return select(equal(row, place), sign(pivot), sign(mul(pivot, -1)));
  });
  return squeeze(factors.reduce(mul), [-2, -1]);
}

/** Substitution, forward or backward. */
export function expandTriangularSolve(
  t: Tensor,
  b: Tensor,
  { lower, transpose: transposed }: { readonly lower: boolean; readonly transpose: boolean },
): Tensor {
  const [given, right] = shareBatch(t, b);
  const matrix = transposed ? transpose(given) : given;
  const forward = lower !== transposed;
  const n = size(matrix);
  const solved = new Array<Tensor>(n);
  let rest = right;
  for (let step = 0; step < n; step++) {
    const k = forward ? step : n - 1 - step;
    const own = forward ? 0 : n - 1 - step;
    const column = sliceAxis(matrix, -1, k, k + 1);
    solved[k] = div(sliceAxis(rest, -2, own, own + 1), sliceAxis(column, -2, k, k + 1));
    if (step === n - 1) break;
    const [from, to] = forward ? [k + 1, n] : [0, k];
    const left = sliceAxis(rest, -2, forward ? 1 : 0, forward ? n - step : own);
    rest = sub(left, mul(sliceAxis(column, -2, from, to), solved[k]));
  }
  return concat(solved, -2);
}

/** The outer product form, which reads the lower triangle only (Golub & Van Loan, section 4.2). */
export function expandCholesky(a: Tensor): Tensor {
  const n = size(a);
  const columns: Tensor[] = [];
  let work = a;
  for (let k = 0; k < n; k++) {
    const column = sliceAxis(work, -1, 0, 1);
    const scaled = div(column, sqrt(sliceAxis(column, -2, 0, 1)));
    const zeros = scaled.shape.map(() => 0);
    columns.push(pad(scaled, [...zeros.slice(0, -2), k, 0], zeros));
    if (k === n - 1) break;
    const below = sliceAxis(scaled, -2, 1);
    work = sub(sliceAxis(sliceAxis(work, -1, 1), -2, 1), mul(below, transpose(below)));
  }
  return concat(columns, -1);
}
