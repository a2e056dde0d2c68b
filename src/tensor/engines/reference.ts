/** The reference engine: slow, obvious, float64; what the other engines are tested against. */
import { evaluate } from '../graph/evaluate.ts';
import type { Engine } from './engine.ts';

export const referenceEngine: Engine = {
  name: 'reference',
  dtypes: ['float64', 'float32'],
  prepare: ({ inputs, outputs }) =>
    Promise.resolve({
      run: (feeds) =>
        Promise.resolve(evaluate(outputs, new Map(inputs.map((input, i) => [input, feeds[i]])))),
      dispose: () => Promise.resolve(),
    }),
};
