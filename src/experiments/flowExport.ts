/** Trained flows as ONNX files of standard operators. */
import { isFlow, type Density, type Flow, type Given } from '../flows/index.ts';
import { constantsOf } from '../nn/index.ts';
import { exportOnnx, spec, type Shape, type Tensor } from '../tensor/index.ts';
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
  model: Density,
  parameters: unknown,
  kind: ExportKind,
  batchSize: number,
): Uint8Array {
  const { input, shape, run } = functionOf(model, kind);
  const traced = (value: Tensor, context?: Tensor): readonly Tensor[] =>
    run(constantsOf(parameters) as never, value, { context });
  const outputNames = {
    logprob: ['logprob'],
    sample: ['x'],
    forward: ['z', 'logdet'],
    inverse: ['x', 'logdet'],
  };
  const context = model.context > 0;
  return exportOnnx(
    traced as (...inputs: Tensor[]) => readonly Tensor[],
    [spec([batchSize, ...shape]), ...(context ? [spec([batchSize, model.context])] : [])],
    { names: [input, ...(context ? ['context'] : [])], outputNames: outputNames[kind] },
  );
}

interface Exported {
  readonly input: string;
  /** Of one row of the input. */
  readonly shape: Shape;
  readonly run: (p: never, value: Tensor, given: Given) => readonly Tensor[];
}

function functionOf(model: Density, kind: ExportKind): Exported {
  switch (kind) {
    case 'logprob':
      return { input: 'x', shape: model.shape, run: (p, x, given) => [model.logProb(p, x, given)] };
    case 'sample':
      return {
        input: 'rows',
        shape: model.draw(key(0), 1).shape.slice(1),
        run: (p, rows, given) => [model.sample(p, rows, given)],
      };
    case 'forward':
    case 'inverse':
      return direction(model, kind);
  }
}

function direction(model: Density, kind: 'forward' | 'inverse'): Exported {
  if (!isFlow(model)) {
    throw new Error(
      `this model is not one map between data and latent, so it has no direction ${kind}; export logprob or sample`,
    );
  }
  const flow: Flow = model;
  if (kind === 'forward') {
    return {
      input: 'x',
      shape: flow.shape,
      run: (p, x, given) => [flow.forward(p, x, given)].flatMap(({ y, logDet }) => [y, logDet]),
    };
  }
  return {
    input: 'z',
    shape: flow.latentShape,
    run: (p, z, given) => [flow.inverse(p, z, given)].flatMap(({ x, logDet }) => [x, logDet]),
  };
}
