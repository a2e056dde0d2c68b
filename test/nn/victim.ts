/** A training that resume.test.ts kills: node --import tsx victim.ts <checkpoint folder>. Prints a line an epoch. */
import { train } from '../../src/nn/index.ts';
import { stateful } from './support.ts';

await train(
  stateful({
    epochs: 60,
    checkpoints: process.argv[2],
    // Slow enough to be killed before the end.
    onEpoch: ({ epoch }) =>
      new Promise((resolve) => {
        process.stdout.write(`${epoch}\n`);
        setTimeout(resolve, 20);
      }),
  }),
);
