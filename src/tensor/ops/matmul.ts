/** Matrix products with batch axes. */
import { allocate } from '../array.ts';
import { defineOp, type OpDefinition } from '../op.ts';
import { broadcastShapes, showShape, sizeOf, type Shape } from '../shape.ts';
import { apply, type Tensor } from '../tensor.ts';
import { broadcastOffsets, requireFloat } from './broadcast.ts';
import { alignRanks, reshape, sumToShape, transpose } from './shape.ts';
import { sum } from './sum.ts';

const matmulOp: OpDefinition = defineOp({
  name: 'matmul',
  infer: ([a, b]) => {
    requireFloat('matmul', a);
    requireFloat('matmul', b);
    if (a.dtype !== b.dtype)
      throw new Error(`matmul: operands are ${a.dtype} and ${b.dtype}; cast one of them first`);
    if (a.shape.length < 2 || b.shape.length < 2) {
      throw new Error(
        `matmul: operands ${showShape(a.shape)} and ${showShape(b.shape)}; both need at least two axes`,
      );
    }
    const [m, k] = a.shape.slice(-2);
    const [k2, n] = b.shape.slice(-2);
    if (k !== k2) {
      throw new Error(
        `matmul: ${showShape(a.shape)} times ${showShape(b.shape)}; the inner sizes ${k} and ${k2} differ`,
      );
    }
    const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2), 'matmul');
    return { shape: [...batch, m, n], dtype: a.dtype };
  },
  vjp: ({ inputs: [a, b], cotangent }) => [
    sumToShape(matmul(cotangent, transpose(b)), a.shape),
    sumToShape(productOverRows(a, cotangent), b.shape),
  ],
  batch: (inputs, batched) => {
    const [a, b] = alignRanks(inputs, batched);
    return matmul(a, b);
  },
  onnx: (writer, _, inputs) => writer.node('MatMul', inputs),
  tfjs: (tf, [a, b], node) => {
    const batch = node.shape.slice(0, -2);
    const widen = (x: typeof a): typeof a => tf.broadcastTo(x, [...batch, ...x.shape.slice(-2)]);
    return tf.matMul(widen(a), widen(b));
  },
  reference: ([a, b], { shape, dtype }) => {
    const [m, k] = a.shape.slice(-2);
    const n = b.shape[b.shape.length - 1];
    const batch: Shape = shape.slice(0, -2);
    const out = allocate(dtype, sizeOf(shape));
    const offsetA = broadcastOffsets(a.shape.slice(0, -2), batch);
    const offsetB = broadcastOffsets(b.shape.slice(0, -2), batch);
    const row = new Float64Array(n);
    for (let i = 0; i < sizeOf(batch); i++) {
      const startA = offsetA(i) * m * k;
      const startB = offsetB(i) * k * n;
      for (let r = 0; r < m; r++) {
        row.fill(0);
        for (let p = 0; p < k; p++) {
          const value = a.data[startA + r * k + p];
          for (let c = 0; c < n; c++) row[c] += value * b.data[startB + p * n + c];
        }
        out.set(row, (i * m + r) * n);
      }
    }
    return out;
  },
  examples: [
    { inputs: [{ shape: [3, 4] }, { shape: [4, 2] }] },
    { inputs: [{ shape: [2, 3, 4] }, { shape: [4, 2] }] },
    { inputs: [{ shape: [3, 4] }, { shape: [2, 4, 5] }] },
    { inputs: [{ shape: [2, 1, 3, 4] }, { shape: [5, 4, 2] }] },
  ],
});

/** Parts that a product over very many rows is summed in. */
const PARTS = 8;

/**
 * aᵀ b over the last two axes. A weight gradient sums over very many rows into a small matrix, which leaves an engine nothing to
 * share between threads; the sum is therefore taken in parts that are a batch, as many whatever the threads.
 */
function productOverRows(a: Tensor, b: Tensor): Tensor {
  const [rows, m] = a.shape.slice(-2);
  const n = b.shape[b.rank - 1];
  if (a.rank !== 2 || b.rank !== 2 || rows % PARTS !== 0 || rows < 64 * Math.max(m, n)) {
    return matmul(transpose(a), b);
  }
  const parts = (x: Tensor): Tensor => reshape(x, [PARTS, rows / PARTS, x.shape[1]]);
  return sum(matmul(transpose(parts(a)), parts(b)), 0);
}

/**
 * a @ b over the last two axes, batch axes broadcast. A matrix on the right of a batch runs as one flat product
 * [batch·m, k] @ [k, n], whose weight gradient is then one product too.
 */
export function matmul(a: Tensor, b: Tensor): Tensor {
  if (b.rank === 2 && a.rank > 2) {
    const lead = a.shape.slice(0, -1);
    return reshape(apply(matmulOp, [reshape(a, [sizeOf(lead), a.shape[a.rank - 1]]), b], {}), [
      ...lead,
      b.shape[1],
    ]);
  }
  return apply(matmulOp, [a, b], {});
}
