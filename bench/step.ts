/** Training steps as a benchmark runs them: parameters and moments go round, the batch stays. */
import type { NDArray } from '../src/tensor/index.ts';
import {
  compileStep,
  FLUSH_EVERY,
  flushTiny,
  hyperOf,
  stateInBlocks,
  stepsAtOnce,
  type StepDefinition,
} from '../src/nn/index.ts';
import type { PreparedCase } from './case.ts';

/** Steps from the vectors of `initialState`, with learning rate 1e-3, as many at once as a training runs of their length. */
export async function stepCase<P>(
  definition: StepDefinition<P>,
  start: readonly NDArray[],
  batch: Record<string, NDArray>,
  threads: number,
): Promise<PreparedCase> {
  const program = await compileStep(definition, batch, { threads });
  let state = stateInBlocks(definition.layout, start);
  let t = 0;
  const run = async (steps: number): Promise<void> => {
    const inputs = Array.from({ length: steps }, () => ({ hyper: hyperOf(definition, 1e-3, ++t), batch }));
    ({ carry: state } = await program.run(state, inputs));
    if (t % FLUSH_EVERY < steps) state = flushTiny(definition, state);
  };
  await run(1);
  const began = performance.now();
  await run(1);
  const repeats = stepsAtOnce(performance.now() - began);
  return {
    flops: program.productFlops,
    parameters: definition.layout.size,
    repeats,
    run: () => run(repeats),
    dispose: () => program.dispose(),
  };
}
