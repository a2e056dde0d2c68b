/**
 * Scatter-add for ONNX Runtime. Its ScatterND with reduction "add" runs over threads without locks and loses updates
 * whose indices repeat, and ScatterElements runs on one thread; so indices that are known when the program is built
 * become gathers and sums.
 */
import type { OnnxWriter } from '../engines/onnx/writer.ts';
import { sizeOf } from '../shape.ts';
import { constantValue, isConstant, type Tensor } from '../tensor.ts';

/** Writes scatterAdd of `indices` and `updates`; see ops/indexing.ts for the shapes. */
export function scatterAddOnnx(
  writer: OnnxWriter,
  node: Tensor,
  [indices, updates]: readonly string[],
): string {
  const { axis, size } = node.attributes as { readonly axis: number; readonly size: number };
  const [index, given] = node.inputs;
  const before = given.shape.slice(0, axis);
  const after = given.shape.slice(axis + index.rank);
  const count = sizeOf(index.shape);
  const flatUpdates = [...before, count, ...after];
  const rows = writer.node('Reshape', [updates, writer.int64(flatUpdates)], { allowzero: 1 });

  const table = isConstant(index) ? sourcesOf(constantValue(index).data, size) : null;
  if (table) return gatherAndSum(writer, rows, node, table, axis, count);

  const column = flatUpdates.map((_, i) => (i === axis ? count : 1));
  const shaped = writer.node('Reshape', [indices, writer.int64(column)], { allowzero: 1 });
  const everywhere = writer.node('Expand', [shaped, writer.int64(flatUpdates)]);
  const zeros = writer.node('Expand', [writer.scalar(0, node.dtype), writer.int64(node.shape)]);
  return writer.node('ScatterElements', [zeros, everywhere, rows], { axis, reduction: 'add' });
}

/** For each result row the update rows that go there, filled up with `count` (a row of zeros); null if that wastes much. */
function sourcesOf(indices: ArrayLike<number>, size: number): { rows: Int32Array; width: number } | null {
  const count = indices.length;
  const load = new Int32Array(size);
  for (let i = 0; i < count; i++) load[indices[i]]++;
  const width = load.reduce((a, b) => Math.max(a, b), 0);
  if (width === 0 || width * size > 4 * (count + size)) return null;
  const rows = new Int32Array(size * width).fill(count);
  load.fill(0);
  for (let i = 0; i < count; i++) rows[indices[i] * width + load[indices[i]]++] = i;
  return { rows, width };
}

function gatherAndSum(
  writer: OnnxWriter,
  updates: string,
  node: Tensor,
  { rows, width }: { rows: Int32Array; width: number },
  axis: number,
  count: number,
): string {
  const size = node.shape[axis];
  const full = !rows.includes(count);
  const zeros = node.shape.map(() => 0);
  const source = full
    ? updates
    : writer.node('Pad', [updates, writer.int64([...zeros, ...zeros.map((_, i) => (i === axis ? 1 : 0))])]);
  const shape = width === 1 ? [size] : [size, width];
  const table = writer.initializer({ data: rows, shape, dtype: 'int32' });
  const found = writer.node('Gather', [source, table], { axis });
  return width === 1 ? found : writer.node('ReduceSum', [found, writer.int64([axis + 1])], { keepdims: 0 });
}
