/** What the table of COVID-19 says about published values and about the baselines, from results made by hand. */
import { expect, test } from 'vitest';
import { configure, findExperiment } from '../../src/experiments/index.ts';
import type { JobConfig, Summary } from '../../src/experiments/experiment.ts';
import type { JobResult } from '../../src/runs/index.ts';

const { experiment } = await findExperiment('covid');
const published = { states: 50, days: '2020-04-12 … 2021-08-28 (504)' };

type Errors = readonly [confirmed: number, deaths: number, relativeL2: number];

function resultOf(job: JobConfig, [confirmed, deaths, relative]: Errors): JobResult {
  return {
    config: { experiment: 'covid', preset: 'paper', ...job },
    metric: 'error',
    value: relative,
    best: null,
    parameters: 1,
    seconds: 1,
    inferenceMilliseconds: null,
    samples: [],
    extra: {
      'MAE confirmed': confirmed,
      'MAE recovered': confirmed,
      'MAE deaths': deaths,
      'relative L2': relative,
      coverage: 0.9,
      'half-width confirmed': 1,
      'half-width recovered': 1,
      'half-width deaths': 1,
    },
  };
}

/** The summary of the jobs for which `errors` has numbers. */
function summaryOf(
  errors: (job: JobConfig) => Errors | undefined,
  { data = published, ...values }: { readonly data?: object } & Record<string, unknown> = {},
): Summary {
  const config = configure(experiment, 'paper', { data: 'a.csv', ...values });
  const finished = experiment.jobs(config, { 'SHA-256': 'hash' }).flatMap((job) => {
    const found = errors(job);
    return found ? [resultOf(job, found)] : [];
  });
  return experiment.summarize(finished, config, { ...data });
}

const quoted = ({ rows }: Summary, model: string): unknown[] =>
  rows.flatMap((row) =>
    row.model === model && row.published !== null
      ? [[row.metric.split(',')[0], row.condition.split, row.condition.network, row.mean, row.published]]
      : [],
  );

test('a model that was trained under other conditions only keeps its published values', () => {
  const summary = summaryOf(
    ({ model, condition: { split } }) =>
      model === 'slope' || (model === 'seq2seq' && split === 'forward') ? [9, 8, 0.7] : undefined,
    { folds: [0] },
  );
  expect(quoted(summary, 'seq2seq')).toEqual([
    ['mean absolute error of confirmed', 'random', 'counts', null, 2798],
    ['mean absolute error of deaths', 'random', 'counts', null, 346],
  ]);
});

test('a model that was trained under the published condition has its published values once', () => {
  const summary = summaryOf(() => [9, 8, 0.7], { folds: [0], models: ['seq2seq'] });
  expect(quoted(summary, 'seq2seq')).toEqual([
    ['mean absolute error of confirmed', 'random', 'counts', 9, 2798],
    ['mean absolute error of deaths', 'random', 'counts', 8, 346],
  ]);
});

test.each([
  ['16 states', { states: 16, days: '2020-04-12 … 2021-03-06 (329)' }],
  ['another end', { states: 50, days: '2020-04-12 … 2021-08-27 (503)' }],
  ['no facts', {}],
])('no published value stands beside counts of other states or days: %s', (_, data) => {
  const rules = { task: 'crd', recovered: 'complete', folds: [0], models: ['pade-3d', 'fc'] };
  const { rows, notes } = summaryOf(() => [9, 8, 0.7], { ...rules, data });
  expect(rows.length).toBeGreaterThan(0);
  expect(rows.filter((row) => row.published !== null)).toEqual([]);
  const said = notes.filter((note) => note.startsWith('No published values'));
  expect(said).toHaveLength(1);
  if ('states' in data) expect(said[0]).toContain(`${data.states} states and the days ${data.days}`);
  const whole = summaryOf(() => [9, 8, 0.7], rules);
  expect(whole.rows.some((row) => row.published !== null)).toBe(true);
  expect(whole.notes.join()).not.toContain('No published values');
});

test('simulated counts stay synthetic in a file', () => {
  const data = { ...published, vintage: 'SYNTHETIC: simulated, seed 0' };
  const { rows, notes } = summaryOf(() => [9, 8, 0.7], { folds: [0], models: ['fc'], data });
  expect(notes[0]).toMatch(/^SYNTHETIC DATA/);
  expect(rows.filter((row) => row.published !== null)).toEqual([]);
});

const table: Readonly<Record<string, Errors>> = {
  persistence: [100, 10, 0.5],
  slope: [50, 4, 0.2],
  autoregression: [45, 3.5, 0.05],
  fc: [80, 12, 0.1],
  seq2seq: [40, 3, 0.3],
  transformer: [49, 3.9, 0.19],
};
const small = { models: ['fc', 'seq2seq', 'transformer'], splits: ['forward'], targets: ['counts'] };

test('every network is judged against every baseline, by every metric', () => {
  const { notes } = summaryOf(({ model }) => table[model], { ...small, folds: [0] });
  expect(notes.filter((note) => note.startsWith('Against the baselines'))).toEqual([
    'Against the baselines (forward split, network answers counts; one fold, whose noise is not known). ' +
      'By mean absolute error of confirmed, seq2seq, transformer and fc beat persistence; seq2seq and transformer beat slope, fc does not; seq2seq beats autoregression, transformer and fc do not. ' +
      'By mean absolute error of deaths, seq2seq and transformer beat persistence, fc does not; seq2seq and transformer beat slope, fc does not; seq2seq beats autoregression, transformer and fc do not. ' +
      'By relative L2 error, seq2seq, transformer and fc beat persistence; transformer and fc beat slope, seq2seq does not; no network beats autoregression (seq2seq, transformer and fc).',
  ]);
  const nobody = summaryOf(({ model }) => (model === 'fc' ? [200, 20, 1] : table[model]), {
    ...small,
    models: ['fc'],
    folds: [0],
  });
  expect(nobody.notes.join()).toContain(
    'no network beats persistence (fc); no network beats slope (fc); no network beats autoregression (fc).',
  );
});

test('a check holds where a network is better than both baselines without parameters in every quantity', () => {
  const { checks } = summaryOf(({ model }) => table[model], { ...small, folds: [0] });
  const where = ', forward split, network answers counts';
  const rounded = checks.map(({ name, value, holds }) => [
    name.replace(where, ''),
    +(value ?? NaN).toFixed(3),
    holds,
  ]);
  expect(rounded).toEqual([
    ['seq2seq: beats persistence and slope by mean absolute error', 0.8, true],
    ['seq2seq: beats persistence and slope by relative L2 error', 1.5, false],
    ['transformer: beats persistence and slope by mean absolute error', 0.98, true],
    ['transformer: beats persistence and slope by relative L2 error', 0.95, true],
    ['fc: beats persistence and slope by mean absolute error', 3, false],
    ['fc: beats persistence and slope by relative L2 error', 0.5, true],
  ]);
  expect(checks[0].limit).toBe(
    '< 1 in one fold, over that of the better baseline, worst of confirmed, deaths',
  );
});

test('a network with a part of the folds is compared on these', () => {
  const harder = ({ model, seed }: JobConfig): Errors | undefined => {
    const [c, d, l] = table[model];
    const by = seed === 1 ? 10 : 1;
    return model === 'transformer' && seed === 0 ? undefined : [by * c, by * d, by * l];
  };
  const { checks } = summaryOf(harder, { ...small, folds: [0, 1] });
  const holding = checks.filter(({ name }) => name.startsWith('transformer')).map(({ holds }) => holds);
  expect(holding).toEqual([true, true]);
  const apart = summaryOf((job) => (job.model === 'fc' || job.seed === 0 ? harder(job) : undefined), {
    ...small,
    models: ['fc'],
    folds: [0, 1],
  });
  expect(apart.notes.join()).toContain('fc beats persistence; no network beats slope (fc)');
  const never = summaryOf((job) => ((job.model === 'fc') === (job.seed === 1) ? harder(job) : undefined), {
    ...small,
    models: ['fc'],
    folds: [0, 1],
  });
  expect([never.checks, never.notes.join().includes('Against the baselines')]).toEqual([[], false]);
});

test('the gain of a fitted baseline over the line is told fold by fold', () => {
  const { notes } = summaryOf(
    ({ model, seed }) => {
      const size = 10 ** seed;
      if (model === 'slope') return [100 * size, 10, 0.2];
      if (model === 'autoregression') return seed < 2 ? [(80 + 20 * seed) * size, 11, 0.1] : undefined;
      return undefined;
    },
    { ...small, targets: ['counts', 'correction'], folds: [0, 1, 2] },
  );
  // Ratios 0.8 and 1 of folds of very different sizes; each split once, whatever the networks answer.
  expect(notes.filter((note) => note.startsWith('Over slope'))).toEqual([
    'Over slope, fold by fold, mean ratio ± standard error as of independent folds, which share days, so that the true error is larger (forward split): autoregression: MAE confirmed 0.900 ± 0.100 (below 1 in 1 of 2), MAE deaths 1.100 ± 0.000 (below 1 in 0 of 2), relative L2 0.500 ± 0.000 (below 1 in 2 of 2).',
  ]);
});

test('with several folds a network is told fold by fold too, and beats nobody by less than the noise', () => {
  const factors = [0.7, 1.2, 0.9];
  const { notes, checks } = summaryOf(
    ({ model, seed }) => {
      if (model === 'slope') return [100, 10, 0.2];
      if (model === 'fc') return [100 * factors[seed], 10 * (0.5 + 0.01 * seed), 0.2 * (2 + 0.1 * seed)];
      return undefined;
    },
    { ...small, models: ['fc'], folds: [0, 1, 2] },
  );
  expect(notes.join()).toMatch(
    /\(forward split, network answers counts\): fc: MAE confirmed 0\.933 ± 0\.145 \(below 1 in 2 of 3\), MAE deaths 0\.510 ± 0\.006/,
  );
  expect(notes.join()).toContain(
    'network answers counts; noise: 95 % by Student’s distribution over the folds). By mean absolute error of confirmed, no network beats slope, fc is within the noise. By mean absolute error of deaths, fc beats slope. By relative L2 error, no network beats slope (fc).',
  );
  // Lower on average in both quantities, but not by more than the noise in one.
  const [absolute] = checks;
  expect(absolute.value).toBeCloseTo(0.9333, 3);
  expect([absolute.holds, absolute.limit]).toEqual([
    false,
    '< 1 by more than the noise of 3 folds, over that of the better baseline, worst of confirmed, deaths',
  ]);
});

test('where a baseline is exact nobody beats it, and a network as exact is no worse', () => {
  const { notes, checks } = summaryOf(
    ({ model }) => (model === 'slope' ? [0, 0, 0.2] : model === 'persistence' ? undefined : [5, 0, 0.1]),
    { ...small, models: ['fc'], folds: [0] },
  );
  expect(checks.map(({ value, holds }) => [value, holds])).toEqual([
    [null, false],
    [0.5, true],
  ]);
  expect(notes.join()).toContain('By mean absolute error of confirmed, no network beats slope (fc)');
  expect(notes.join()).toContain(
    'autoregression: MAE confirmed ∞ (below 1 in 0 of 1), MAE deaths 1.000 (below 1 in 0 of 1), relative L2 0.500',
  );
  expect(notes.join()).not.toContain('NaN');
});

test('the improvement over fc is that of the folds that both have', () => {
  // fold 1 is harder for everybody; seq2seq has fold 0 alone, transformer fold 1, which fc has not.
  const { rows } = summaryOf(
    ({ model, seed }) => {
      if (model === 'fc') return seed < 2 ? [80 * (1 + 9 * seed), 20, 1] : undefined;
      if (model === 'seq2seq') return seed === 0 ? [40, 10, 1] : undefined;
      return seed === 2 ? [1, 1, 1] : undefined;
    },
    { ...small, folds: [0, 1, 2] },
  );
  const improvements = rows.filter(({ metric }) => metric.startsWith('improvement'));
  expect(improvements.map(({ model, mean }) => [model, mean])).toEqual([
    // Nothing beside that of fc itself, which is zero.
    ['seq2seq', 50],
  ]);
});

test('without baselines there is nothing to judge', () => {
  const { checks, notes } = summaryOf(({ model }) => table[model], { ...small, baselines: [] });
  expect(checks).toEqual([]);
  expect(notes.join()).not.toContain('Against the baselines');
});

test('covid-folds shows the jobs of covid: what the one has trained, the other does not train again', async () => {
  const { experiment: folds } = await findExperiment('covid-folds');
  const facts = { 'SHA-256': 'hash' };
  const config = configure(folds, 'paper', { data: 'a.csv' });
  const whole = configure(experiment, 'paper', {
    data: 'a.csv',
    epochs: 10,
    loss: 'balanced',
    splits: ['random', 'forward', 'blocked'],
  });
  const key = (job: JobConfig): string => JSON.stringify(job);
  const known = new Set(experiment.jobs(whole, facts).map(key));
  const jobs = folds.jobs(config, facts);
  expect(folds.jobsOf).toBe('covid');
  // Eight networks and three baselines, three splits, ten folds.
  expect(jobs).toHaveLength(330);
  expect(jobs.filter((job) => !known.has(key(job)))).toEqual([]);
});
