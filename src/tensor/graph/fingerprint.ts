/** Structural identity of a graph: equal fingerprints, equal computation. */
import { createHash } from 'node:crypto';
import type { NumericData } from '../array.ts';
import { constantValue, isConstant, isPlaceholder, type Tensor } from '../tensor.ts';
import { topologicalOrder } from './traverse.ts';

const contents = new WeakMap<NumericData, string>();

/** Hash of the bytes of a constant: −0 is not 0, and a NaN equals itself. */
export function contentOf(node: Tensor): string {
  const { data } = constantValue(node);
  const known = contents.get(data);
  if (known !== undefined) return known;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const content = createHash('sha256').update(bytes).digest('base64');
  contents.set(data, content);
  return content;
}

/** JSON that keeps apart what JSON confuses: −0 and 0, infinities, NaN and null. */
export const exactJson = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner !== 'number') return inner;
    return Object.is(inner, -0) ? 'number −0' : Number.isFinite(inner) ? inner : `number ${inner}`;
  });

/**
 * SHA-256 of ops, attributes, constants and wiring. Node numbers are relative to the graph, so two traces of one function
 * have one fingerprint. Null when a node holds a function, whose meaning no hash can tell.
 */
export function fingerprint(inputs: readonly Tensor[], outputs: readonly Tensor[]): string | null {
  const hash = createHash('sha256');
  const position = new Map<Tensor, number>(inputs.map((input, i) => [input, i]));
  hash.update(inputs.map(({ dtype, shape }) => `${dtype} ${shape.join()}`).join(';'));
  for (const node of topologicalOrder(outputs)) {
    if (isPlaceholder(node)) continue;
    position.set(node, position.size);
    hash.update(
      `\n${node.op.name} ${node.dtype} ${node.shape.join()} ${node.inputs.map((x) => position.get(x)).join()}`,
    );
    if (isConstant(node)) {
      hash.update(contentOf(node));
      continue;
    }
    if (Object.values(node.attributes).some((value) => typeof value === 'function')) return null;
    hash.update(exactJson(node.attributes));
  }
  hash.update(`\nout ${outputs.map((output) => position.get(output)).join()}`);
  return hash.digest('hex');
}
