/** The table of docs/tensor-core.md, read off the op definitions so that it cannot go stale. */
import { allOps, type DType } from '../../src/tensor/index.ts';
import type { OpDefinition } from '../../src/tensor/op.ts';
import { structuralOps } from './sweep.ts';

const onnx = (op: OpDefinition, dtype: DType): string =>
  op.onnx && !op.onnxLacks?.includes(dtype) ? 'kernel' : 'expansion';

function row(op: OpDefinition): string {
  const columns = [
    `\`${op.name}\``,
    op.vjp === 'none' ? 'none' : 'yes',
    'yes',
    onnx(op, 'float32'),
    onnx(op, 'float64'),
    op.tfjs ? 'kernel' : 'expansion',
  ];
  return `| ${columns.join(' | ')} |`;
}

/** A Markdown table with a row for each op, in alphabetical order. */
export function compatibilityTable(): string {
  const ops = allOps()
    .filter((op) => !structuralOps.includes(op.name))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return [
    '| op | vjp | vmap | ONNX float32 | ONNX float64 | TensorFlow.js |',
    '| --- | --- | --- | --- | --- | --- |',
    ...ops.map(row),
  ].join('\n');
}
