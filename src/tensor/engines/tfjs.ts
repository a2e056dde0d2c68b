/**
 * TensorFlow.js: the second, independent engine. The graph is interpreted op by op on the best backend that is installed:
 * tfjs-node-gpu, then tfjs-node, then the plain CPU backend.
 */
import { createRequire } from 'node:module';
import type * as tfjs from '@tensorflow/tfjs-core';
import { legalize } from '../graph/legalize.ts';
import { simplify } from '../graph/simplify.ts';
import { topologicalOrder } from '../graph/traverse.ts';
import { isConstant, type Tensor } from '../tensor.ts';
import type { NumericData } from '../array.ts';
import type { Engine } from './engine.ts';
import { inTurns } from './turns.ts';

type TensorFlow = typeof tfjs;

const require = createRequire(import.meta.url);
let loaded: Promise<{ tf: TensorFlow; backend: string }> | null = null;

/** The TensorFlow.js library and the name of the package whose backend runs. */
export const loadTensorFlow = (): Promise<{ tf: TensorFlow; backend: string }> => (loaded ??= findBackend());

async function findBackend(): Promise<{ tf: TensorFlow; backend: string }> {
  const core = await import('@tensorflow/tfjs-core');
  for (const name of ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node']) {
    try {
      restoreRemovedUtilities();
      const tf = require(name) as TensorFlow;
      await tf.ready();
      return { tf, backend: name };
    } catch {
      // Not installed, or its native library does not load on this machine: the next one.
      forgetKernels(core);
    }
  }
  await import('@tensorflow/tfjs-backend-cpu');
  // The plain backend would advertise another package on stderr, in the middle of an answer.
  core.env().set('PROD', true);
  await core.setBackend('cpu');
  await core.ready();
  return { tf: core, backend: '@tensorflow/tfjs-backend-cpu' };
}

/** A package whose native library fails to load leaves its kernels behind; the next one would warn about every one. */
function forgetKernels(tf: TensorFlow): void {
  for (const { kernelName } of tf.getKernelsForBackend('tensorflow'))
    tf.unregisterKernel(kernelName, 'tensorflow');
}

/** tfjs-node 4.22 calls `util.isNullOrUndefined`, which Node 23 removed (tensorflow/tfjs issue 8609). */
function restoreRemovedUtilities(): void {
  const util = require('node:util') as { isNullOrUndefined?: (x: unknown) => boolean };
  util.isNullOrUndefined ??= (x) => x === null || x === undefined;
}

export const tfjsEngine: Engine = {
  name: 'tfjs',
  dtypes: ['float32'],
  async prepare(graph) {
    const { tf } = await loadTensorFlow();
    const outputs = simplify(legalize(graph.outputs, 'tfjs', (op) => op.tfjs !== undefined));
    const order = topologicalOrder(outputs);
    const fixed = new Map<Tensor, tfjs.Tensor>();
    for (const node of order.filter(isConstant)) fixed.set(node, lower(tf, node, []));
    const lastUse = new Map<Tensor, Tensor>();
    for (const node of order) for (const input of node.inputs) lastUse.set(input, node);
    const kept = new Set(outputs);

    return {
      run: inTurns(graph, async (feeds) => {
        const values = new Map(fixed);
        graph.inputs.forEach((input, i) => {
          const { data, shape, dtype } = feeds[i];
          values.set(input, tf.tensor(data, [...shape], dtype === 'float64' ? 'float32' : dtype));
        });
        for (const node of order) {
          if (values.has(node)) continue;
          const operands = node.inputs.map((x) => values.get(x) as tfjs.Tensor);
          values.set(
            node,
            tf.tidy(() => lower(tf, node, operands)),
          );
          for (const x of new Set(node.inputs)) {
            if (lastUse.get(x) === node && !kept.has(x) && !fixed.has(x)) values.get(x)?.dispose();
          }
        }
        const results = await Promise.all(
          outputs.map(async (node) => {
            const data = (await (values.get(node) as tfjs.Tensor).data()) as NumericData;
            return { data: data.slice(), shape: node.shape, dtype: node.dtype };
          }),
        );
        for (const [node, value] of values) if (!fixed.has(node) && !value.isDisposed) value.dispose();
        return results;
      }),
      dispose: () => {
        for (const value of fixed.values()) value.dispose();
        return Promise.resolve();
      },
    };
  },
};

function lower(tf: TensorFlow, node: Tensor, inputs: readonly tfjs.Tensor[]): tfjs.Tensor {
  if (!node.op.tfjs) throw new Error(`tfjs: the op '${node.op.name}' has no TensorFlow.js kernel`);
  return node.op.tfjs(tf, inputs, node);
}
