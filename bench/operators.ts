/** Training steps of every operator beside plain PyTorch modules: `npm run bench:operators [-- --only lno-256,… --json]`. */
import { besidePyTorch } from './beside.ts';
import { matrixProduct } from './cases.ts';
import { training, type TrainingSizes } from './training.ts';

/**
 * The benchmark's batch of 20, or the authors' own of 5 and 1 where a plain implementation of the published size would take
 * gigabytes or minutes: that of `lno` makes 2 · 4096 values a point and layer, those of `gno` and `mgno` 4096 an edge.
 */
const steps: readonly TrainingSizes[] = [
  ...['fno', 'mwt', 'pade'].flatMap((model) => sizes(model, 20, [64, 256, 1024])),
  ...sizes('lno', 5, [64, 256]),
  ...['lno-small', 'gno-small', 'mgno-small'].flatMap((model) => sizes(model, 20, [64, 256])),
  ...sizes('gno', 1, [64]),
  ...sizes('mgno', 1, [64, 256]),
];

function sizes(model: string, batch: number, resolutions: readonly number[]): TrainingSizes[] {
  return resolutions.map((s) => ({ model, batch, s }));
}

await besidePyTorch('operators', (threads) => [
  matrixProduct(threads),
  ...steps.map((step) => training(step, threads)),
]);
