/** A training step as a benchmark runs it: parameters and moments go round, the batch stays. */
import type { NDArray } from '../src/tensor/index.ts';
import { compileStep, hyperOf, stateInBlocks, type StepDefinition } from '../src/nn/index.ts';
import type { PreparedCase } from './case.ts';

/** One step from the vectors of `initialState`, again and again, with learning rate 1e-3. */
export async function stepCase<P>(
  definition: StepDefinition<P>,
  start: readonly NDArray[],
  batch: Record<string, NDArray>,
  threads: number,
): Promise<PreparedCase> {
  const program = await compileStep(definition, batch, { threads });
  let state = stateInBlocks(definition.layout, start);
  let t = 0;
  return {
    flops: program.productFlops,
    parameters: definition.layout.size,
    async run() {
      ({ state } = await program.run([state, hyperOf(definition, 1e-3, ++t), batch]));
    },
    dispose: () => program.dispose(),
  };
}
