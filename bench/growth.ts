/** How the time of a piece of work grows with one of its sizes: a table, and the exponent p of time ∝ size^p through its rows. */
import type { PreparedCase } from './case.ts';

export interface Growth {
  readonly title: string;
  /** What the sizes count. */
  readonly unit: string;
  readonly sizes: readonly number[];
  readonly prepare: (size: number) => Promise<Pick<PreparedCase, 'run' | 'dispose'>>;
}

/** Runs of each size, in rounds over all sizes, so that a busy machine slows all of them; the median counts. */
const ROUNDS = 5;

export async function printGrowth({ title, unit, sizes, prepare }: Growth): Promise<void> {
  const prepared = [];
  for (const size of sizes) prepared.push({ size, work: await prepare(size), times: [] as number[] });
  // The first run of a program is slower than those that follow.
  for (const { work } of prepared) await work.run();
  for (let round = 0; round < ROUNDS; round++)
    for (const { work, times } of prepared) {
      const start = performance.now();
      await work.run();
      times.push(performance.now() - start);
    }
  for (const { work } of prepared) await work.dispose();
  const rows = prepared.map(({ size, times }) => ({ size, ms: times.sort((a, b) => a - b)[ROUNDS >> 1] }));
  const [first] = rows;
  process.stdout.write(
    `\n${title.padEnd(44)}${'ms'.padStart(10)}${'times'.padStart(10)}${'size times'.padStart(12)}\n`,
  );
  for (const { size, ms } of rows)
    process.stdout.write(
      `${`${size} ${unit}`.padEnd(44)}${ms.toFixed(1).padStart(10)}${(ms / first.ms).toFixed(2).padStart(10)}${(size / first.size).toFixed(2).padStart(12)}\n`,
    );
  process.stdout.write(`time grows as ${unit} to the power ${exponent(rows).toFixed(2)}\n`);
}

/** Slope of log time over log size, by least squares. */
function exponent(rows: readonly { readonly size: number; readonly ms: number }[]): number {
  const points = rows.map(({ size, ms }) => [Math.log(size), Math.log(ms)]);
  const mean = (axis: 0 | 1): number => points.reduce((sum, p) => sum + p[axis], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const top = points.reduce((sum, p) => sum + (p[0] - x) * (p[1] - y), 0);
  return top / points.reduce((sum, p) => sum + (p[0] - x) ** 2, 0);
}
