/** The reference engine: slow, obvious, float64; what the other engines are tested against. */
import { evaluate } from '../graph/evaluate.ts';
import type { Engine } from './engine.ts';
import { inTurns } from './turns.ts';

export const referenceEngine: Engine = {
  name: 'reference',
  dtypes: ['float64', 'float32'],
  prepare: (graph) =>
    Promise.resolve({
      run: inTurns(graph, (feeds) =>
        Promise.resolve(evaluate(graph.outputs, new Map(graph.inputs.map((input, i) => [input, feeds[i]])))),
      ),
      dispose: () => Promise.resolve(),
    }),
};
