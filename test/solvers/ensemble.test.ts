import { expect, test } from 'vitest';
import { solveEnsemble } from '../../solvers/ensemble.ts';
import { solve } from '../../solvers/solve.ts';

const problem = {
  equation: 'kdv',
  parameters: { dispersion: 0.01 },
  domain: [0, 1] as const,
  points: 32,
  times: [0, 0.02],
  step: 0.001,
};
const initials = Float64Array.from(
  { length: 5 * 32 },
  (_, i) => Math.sin((2 * Math.PI * i) / 32) * (1 + Math.floor(i / 32)),
);

test('an ensemble gives the numbers of single runs, for one thread and for two, with progress', async () => {
  const done: number[] = [];
  const one = await solveEnsemble({
    ...problem,
    initials,
    threads: 1,
    onProgress: (progress) => done.push(progress.done),
  });
  const two = await solveEnsemble({ ...problem, initials, threads: 2 });
  expect(two).toEqual(one);
  expect(done).toEqual([1, 2, 3, 4, 5]);
  for (let i = 0; i < 5; i++) {
    const single = solve({ ...problem, initial: initials.slice(32 * i, 32 * (i + 1)) });
    expect(one.u.slice(64 * i, 64 * (i + 1))).toEqual(single.u);
    expect(one.errorEstimate!.slice(2 * i, 2 * (i + 1))).toEqual(single.errorEstimate);
  }
});

test('aborting rejects with the reason and stops the workers', async () => {
  const controller = new AbortController();
  const run = solveEnsemble({
    ...problem,
    initials,
    times: [0, 2],
    threads: 2,
    signal: controller.signal,
    onProgress: () => controller.abort(new Error('enough')),
  });
  await expect(run).rejects.toThrow('enough');
});

test('a sample that fails is named', async () => {
  const bad = initials.slice();
  bad[2 * 32 + 3] = NaN;
  await expect(solveEnsemble({ ...problem, initials: bad, threads: 2 })).rejects.toThrow(/sample 2: .*NaN/);
});

test('a wrong problem is refused before any worker starts', async () => {
  await expect(solveEnsemble({ ...problem, equation: 'wave', initials })).rejects.toThrow(
    'no equation is called',
  );
  await expect(solveEnsemble({ ...problem, initials: initials.slice(1) })).rejects.toThrow(
    'not a whole number of samples',
  );
  await expect(solveEnsemble({ ...problem, initials, threads: 0 })).rejects.toThrow('threads');
});
