/** Trained flows as ONNX files of standard operators. */
import type { Flow, FlowParameters } from '../flows/index.ts';
import {
  flatten,
  unflatten,
  constant,
  exportOnnx,
  spec,
  type NDArray,
  type Tensor,
} from '../tensor/index.ts';
import { key } from '../tensor/random.ts';

/** What a file computes: log densities of samples, samples of random rows, or the map in one direction with its log-determinant. */
export const exportKinds = ['logprob', 'sample', 'forward', 'inverse'] as const;
export type ExportKind = (typeof exportKinds)[number];

/** Names and what they are, for people. */
export const exportOutputs: Readonly<Record<ExportKind, string>> = {
  logprob: 'x [batch, …] → logprob [batch]',
  sample: 'rows of random numbers [batch, m] → x [batch, …]',
  forward: 'x [batch, …] → z [batch, …], logdet [batch]',
  inverse: 'z [batch, …] → x [batch, …], logdet [batch]',
};

/**
 * The bytes of an ONNX model with the parameters inside. Inputs are x, z or rows, and `context` `[batch, c]` for a conditional flow; the
 * batch size is fixed.
 */
export function exportFlow(
  model: Flow,
  parameters: FlowParameters,
  kind: ExportKind,
  batchSize: number,
): Uint8Array {
  const { leaves, structure } = flatten<NDArray>(parameters);
  const input = {
    logprob: ['x', model.shape],
    forward: ['x', model.shape],
    inverse: ['z', model.latentShape],
    sample: ['rows', model.draw(key(0), 1).shape.slice(1)],
  } as const;
  const [name, shape] = input[kind];
  const run = (value: Tensor, context?: Tensor): readonly Tensor[] => {
    const p = unflatten<never>(
      structure,
      leaves.map((leaf) => constant(leaf)),
    );
    const given = { context };
    switch (kind) {
      case 'logprob':
        return [model.logProb(p, value, given)];
      case 'sample':
        return [model.sample(p, value, given)];
      case 'forward': {
        const { y, logDet } = model.forward(p, value, given);
        return [y, logDet];
      }
      case 'inverse': {
        const { x, logDet } = model.inverse(p, value, given);
        return [x, logDet];
      }
    }
  };
  const outputNames = {
    logprob: ['logprob'],
    sample: ['x'],
    forward: ['z', 'logdet'],
    inverse: ['x', 'logdet'],
  };
  const context = model.context > 0;
  return exportOnnx(
    run as (...inputs: Tensor[]) => readonly Tensor[],
    [spec([batchSize, ...shape]), ...(context ? [spec([batchSize, model.context])] : [])],
    { names: [name, ...(context ? ['context'] : [])], outputNames: outputNames[kind] },
  );
}
