/** Training steps of operators as benchmark cases. */
import { array } from '../src/tensor/index.ts';
import { key, normal, split } from '../src/tensor/random.ts';
import { adam, initialState, layoutOf, packTree, relativeL2, type StepDefinition } from '../src/nn/index.ts';
import { getOperator } from '../src/operators/index.ts';
import type { Case } from './case.ts';
import { stepCase } from './step.ts';

export interface TrainingSizes {
  readonly model: string;
  readonly batch: number;
  /** Points of the grid. */
  readonly s: number;
}

/** One training step as `train` runs it. */
export function training({ model, batch, s }: TrainingSizes, threads: number): Case {
  return {
    name: `${model}-${s}`,
    title: `${model} training step, batch ${batch}, s = ${s}`,
    peer: { case: 'training', arguments: { model, batch, s } },
    async prepare() {
      const operator = getOperator(model);
      const parameters = operator.init(key(0));
      const definition: StepDefinition<unknown> = {
        layout: layoutOf(parameters),
        optimizer: adam({ learningRate: 1e-3, weightDecay: 1e-4 }),
        reduction: 'sum',
        loss: (p, { input, output }) => relativeL2(operator.apply(p, input), output, { reduction: 'none' }),
      };
      const [input, output] = split(key(1), 2).map((half) =>
        array(normal(half, batch * s), [batch, s, 1], 'float32'),
      );
      return stepCase(definition, initialState(definition, packTree(parameters)), { input, output }, threads);
    },
  };
}
