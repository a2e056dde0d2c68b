/** Dense Jacobians: rows by reverse mode or columns by forward mode, whichever are fewer, all in one batch. */
import { reshape, transpose } from '../ops/shape.ts';
import { sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { linearize } from './forward.ts';
import { identityMatrix, vjp } from './reverse.ts';
import { vmap } from './vmap.ts';

/** J of a function of one tensor, shape [...value.shape, ...x.shape]. */
export function jacobian(
  f: (x: Tensor) => Tensor,
  { mode }: { readonly mode?: 'rows' | 'columns' } = {},
): (x: Tensor) => Tensor {
  return (x) => {
    const [value, pull] = vjp(f, x);
    const rows = sizeOf(value.shape);
    const columns = sizeOf(x.shape);
    const shape = [...value.shape, ...x.shape];
    if ((mode ?? (rows <= columns ? 'rows' : 'columns')) === 'rows') {
      const basis = reshape(identityMatrix(rows), [rows, ...value.shape]);
      return reshape(vmap((cotangent: Tensor) => pull(cotangent)[0])(basis), shape);
    }
    const [, push] = linearize(f, x);
    const basis = reshape(identityMatrix(columns), [columns, ...x.shape]);
    const pushed = reshape(vmap((tangent: Tensor) => push(tangent))(basis), [columns, rows]);
    return reshape(transpose(pushed), shape);
  };
}
