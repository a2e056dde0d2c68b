import { describe, expect, test } from 'vitest';
import { beatsEveryTrained, directionOf, meanStd, rank, separation } from '../../reports/compare.ts';
import { overview } from '../../reports/conditions.ts';
import type { ReportInput, Row } from '../../reports/input.ts';
import { metricGroups } from '../../reports/metrics.ts';
import { renderReport } from '../../reports/report.ts';
import { verdict } from '../../reports/verdict.ts';
import { syntheticReport } from './fixture.ts';

const row = (
  model: string,
  mean: number | null,
  std: number | null,
  n: number,
  more: Partial<Row> = {},
): Row => ({
  model,
  condition: { resolution: 64 },
  metric: 'error, test split',
  published: null,
  mean,
  std,
  n,
  parameters: 1,
  seconds: 1,
  baseline: false,
  note: '',
  ...more,
});

const withRows = (rows: Row[]): ReportInput => {
  const input = syntheticReport();
  return { result: { ...input.result, rows, figures: [] }, jobs: [] };
};
const mainTable = (rows: Row[]): string => {
  const page = renderReport(withRows(rows));
  return page.slice(page.indexOf('<table id="table-results"'), page.indexOf('class="rule"'));
};
const sentences = (rows: Row[]): string => {
  const input = withRows(rows);
  return metricGroups(rows)
    .flatMap((group) => verdict(group, overview(input)))
    .join(' ');
};

describe('the noise rule', () => {
  test('the threshold is t·√(s₁²/n₁ + s₂²/n₂), t of Student’s distribution', () => {
    // s = 0.3 and 0.4 with n = 4 and 4: √(0.0225 + 0.04) = 0.25, with 5.56 degrees of freedom by Welch, t = 2.495.
    const a = row('a', 1, 0.3, 4);
    expect(separation(a, row('b', 1.63, 0.4, 4))).toBe('apart');
    expect(separation(a, row('b', 1.615, 0.4, 4))).toBe('tie');
    expect(separation(a, row('b', 0.37, 0.4, 4))).toBe('apart');
  });

  test('one seed, or no known deviation, allows no claim', () => {
    expect(separation(row('a', 1, null, 1), row('b', 9, 0.1, 3))).toBe('unknown');
    expect(separation(row('a', 1, null, 3), row('b', 9, 0.1, 3))).toBe('unknown');
  });

  test('clear winner: bold best, underlined second', () => {
    const text = mainTable([row('a', 1, 0.01, 3), row('b', 2, 0.01, 3), row('c', 3, 0.01, 3)]);
    expect(text).toMatch(/<strong[^>]*>1\.000 ± 0\.010<\/strong>/);
    expect(text).toMatch(/<u [^>]*>2\.000 ± 0\.010<\/u>/);
    expect(text.match(/<strong/g)).toHaveLength(1);
  });

  test('second and third within the noise: nobody is underlined', () => {
    const { marks } = rank([row('a', 1, 0.01, 3), row('b', 2, 0.3, 3), row('c', 2.1, 0.3, 3)], 'lower');
    expect([...marks.values()]).toEqual(['best']);
  });

  test('tie: nobody is bold, both are marked', () => {
    const rows = [row('a', 1, 0.5, 3), row('b', 1.1, 0.5, 3), row('c', 9, 0.5, 3)];
    const text = mainTable(rows);
    expect(text).not.toContain('<strong');
    expect(text.match(/≈/g)).toHaveLength(2);
    expect(sentences(rows)).toMatch(/a .* and b .* cannot be told apart/);
  });

  test('one seed: nobody is bold and the page says so', () => {
    const rows = [row('a', 1, null, 1), row('b', 5, null, 1)];
    expect(mainTable(rows)).not.toMatch(/<strong|<u |≈/);
    expect(renderReport(withRows(rows))).toContain('One seed: no claim.');
    expect(sentences(rows)).toContain('with one seed no claim is made');
  });

  test('a report whose seeds stand for folds speaks of folds', () => {
    const pageOf = (rows: Row[]): string => {
      const input = syntheticReport();
      return renderReport({ ...input, result: { ...input.result, repetition: 'fold', rows } });
    };
    const page = pageOf([row('a', 1, 0.5, 3), row('b', 1.1, 0.5, 3), row('c', 3, null, 1)]);
    expect(page).toContain('within the noise between folds');
    expect(page).toContain('standard deviation over n folds');
    expect(page).toContain('One fold: no claim.');
    expect(page).toMatch(/>3 folds</);
    expect(page).toMatch(/>one fold</);
    expect(page).toMatch(/>Folds</);
    expect(page).toContain('one thin line a fold');
    // Tables of the configuration name the seed as the jobs do.
    expect(page.replace(/<(script|style)[^]*?<\/\1>|data:[^"]*/g, '')).not.toMatch(/\bseeds?\b(?!<\/)/i);
  });

  test('a baseline is never bold, and is named when it beats every model', () => {
    const rows = [
      row('a', 1, 0.01, 3),
      row('b', 2, 0.01, 3),
      row('linear', 0.5, null, 1, { baseline: true }),
    ];
    expect(mainTable(rows)).toMatch(/<strong[^>]*>1\.000/);
    expect(mainTable(rows)).toContain('beats every trained model');
    expect(sentences(rows)).toContain(
      'Beware: the strongest trivial baseline, linear (0.500), beats every trained model',
    );
    const { trained } = rank(rows, 'lower');
    expect(trained.map(({ model }) => model)).toEqual(['a', 'b']);
  });

  test.each([
    ['floor', 'nats', 0.5, 2],
    ['ceiling', 'nats (higher is better)', 5, 0.1],
  ])('a %s is named as such and beats nobody', (kind, metric, limit, baseline) => {
    const rows = [
      row('a', 1, 0.01, 3, { metric }),
      row('entropy', limit, null, 1, { metric, baseline: true, limit: true }),
    ];
    expect(mainTable(rows)).toContain(`entropy <span class="badge">${kind}</span>`);
    expect(mainTable(rows)).not.toContain('beats every trained model');
    rows.push(row('Gaussian', baseline, null, 1, { metric, baseline: true }));
    const said = sentences(rows);
    expect(said).toMatch(/strongest trivial baseline, Gaussian \(.*\), is beaten by every trained model/);
    expect(said).toMatch(new RegExp(`No model can pass the ${kind}, entropy \\(.*\\), but for chance`));
  });

  test('a reference is named as such, beats nobody, and hides no baseline', () => {
    const rows = [
      row('a', 1, 0.01, 3),
      row('labels', 0.5, null, 1, { baseline: true, reference: true }),
      row('linear', 0.7, null, 1, { baseline: true }),
    ];
    expect(mainTable(rows)).toContain('labels <span class="badge">reference</span>');
    expect(mainTable(rows).match(/beats every trained model/g)).toHaveLength(1);
    expect(sentences(rows)).toContain('the strongest trivial baseline, linear (0.700), beats');
  });

  test('a baseline that only some models beat is not said to be beaten by all', () => {
    const rows = [
      row('a', 1, 0.01, 3),
      row('b', 2, 0.01, 3),
      row('linear', 1.5, null, 1, { baseline: true }),
    ];
    expect(sentences(rows)).toContain('is beaten by the best trained model');
    rows[2].mean = 7;
    expect(sentences(rows)).toContain('is beaten by every trained model');
  });

  test('higher is better when the metric says so', () => {
    const metric = 'accuracy, test split (higher is better)';
    expect(directionOf(metric)).toBe('higher');
    const rows = [row('a', 0.7, 0.01, 3, { metric }), row('b', 0.9, 0.01, 3, { metric })];
    expect(rank(rows, 'higher').marks.get(rows[1])).toBe('best');
    expect(beatsEveryTrained(row('base', 0.95, null, 1), rank(rows, 'higher'), 'higher')).toBe(true);
    expect(sentences(rows)).toContain('b has the highest value');
  });

  test('where neither direction is better nobody is marked, beaten or said to lead', () => {
    const metric = 'Lip(F), certified (neither is better)';
    expect(directionOf(metric)).toBe('neither');
    const base = row('base', 0.1, null, 1, { metric, baseline: true });
    const rows = [row('a', 1, 0.01, 3, { metric }), row('b', 2, 0.01, 3, { metric }), base];
    expect(rank(rows, 'neither')).toMatchObject({ marks: new Map(), lead: 'none' });
    expect(beatsEveryTrained(base, rank(rows, 'neither'), 'neither')).toBe(false);
    expect(sentences(rows)).toBe('');
    const page = renderReport(withRows(rows));
    expect(page).toContain('no value is better than another');
    expect(page).not.toContain('lower is better');
    expect(page).not.toContain('class="rule"');
  });

  test('different metrics never share a table; a baseline joins the metric of its name', () => {
    const groups = metricGroups([
      row('a', 1, null, 1, { metric: 'relative L2, test, last checkpoint' }),
      row('a', 2, null, 1, { metric: 'RMSE, test, last checkpoint' }),
      row('linear', 3, null, 1, { metric: 'relative L2, test', baseline: true }),
    ]);
    expect(groups.map(({ rows }) => rows.map(({ model }) => model))).toEqual([['a', 'linear'], ['a']]);
  });

  test('missing values are a dash with the reason', () => {
    expect(mainTable([row('a', 1, null, 1), row('b', null, null, 0, { note: 'needs 40 GiB' })])).toMatch(
      /—[\s\S]*needs 40 GiB/,
    );
    expect(mainTable([row('a', 1, null, 1), row('b', null, null, 0)])).toContain('no value in the result');
  });

  test('many conditions are counted, not listed', () => {
    const rows = [32, 64, 128, 256, 512].flatMap((resolution) => [
      row('a', resolution === 512 ? 3 : 1, 0.01, 3, { condition: { resolution } }),
      row('b', 2, 0.01, 3, { condition: { resolution } }),
    ]);
    expect(sentences(rows)).toContain(
      'Of 5 conditions, the lowest value belongs to a under 4 (each beyond the noise) and b under 1',
    );
    expect(sentences(rows)).not.toContain('not every model');
    expect(sentences(rows.slice(0, -1))).toContain('; not every model was measured under each of them.');
  });

  test('the published value is compared as a ratio', () => {
    expect(sentences([row('a', 0.003, null, 1, { published: 0.004 })])).toContain(
      'Ours is 0.750 times the published value (a).',
    );
  });

  test('no ratio to published values where values of the metric have either sign', () => {
    const rows = [
      row('a', 3, 0.1, 3, { published: 1, metric: 'log density (higher is better)' }),
      row('b', -3, 0.1, 3, { published: 2, metric: 'log density (higher is better)' }),
    ];
    expect(sentences(rows)).toMatch(/a has the highest value/);
    expect(sentences(rows)).not.toMatch(/published/);
  });

  test('sample mean and deviation', () => {
    expect(meanStd([1, 2, 3, 4])).toEqual({ mean: 2.5, std: Math.sqrt(5 / 3), n: 4 });
    expect(meanStd([7])).toEqual({ mean: 7, std: null, n: 1 });
    expect(meanStd([])).toEqual({ mean: null, std: null, n: 0 });
  });
});
