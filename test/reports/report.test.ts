import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { chart } from '../../reports/chart.ts';
import { escapeLatex, toCsv, toJson } from '../../reports/downloads.ts';
import { spaceTimeSvg } from '../../reports/fieldImage.ts';
import { html } from '../../reports/html.ts';
import type { ReportInput } from '../../reports/input.ts';
import { renderReport } from '../../reports/report.ts';
import { syntheticReport } from './fixture.ts';

/** Puts `text` behind every string of a value, names of fields and enumerations left alone. */
function poison(value: unknown, text: string, key = ''): unknown {
  const fixed = ['state', 'xScale', 'yScale', 'style'];
  if (typeof value === 'string') return fixed.includes(key) ? value : value + text;
  if (Array.isArray(value)) return value.map((item) => poison(item, text, key));
  if (ArrayBuffer.isView(value) || typeof value !== 'object' || value === null) return value;
  const renamed = key === 'options' || key === 'condition' || key === 'data' || key === 'libraries';
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      renamed ? name + text : name,
      key === 'arrays' ? item : poison(item, text, name),
    ]),
  );
}

const small = (): ReportInput => {
  const input = syntheticReport();
  return {
    ...input,
    jobs: input.jobs.filter(({ config }) => config.seed === 0 && config.condition.resolution === 64),
  };
};

test('panels and samples of many conditions unfold, and none is left out', () => {
  const input = small();
  const conditions = (count: number): ReportInput => ({
    ...input,
    jobs: Array.from({ length: count }, (_, i) =>
      input.jobs.map((job) => {
        const config = { ...job.config, condition: { ...job.config.condition, part: i } };
        return { ...job, name: `${job.name}-${i}`, config };
      }),
    ).flat(),
  });
  const folded = (html: string): string[] => html.match(/\d+ further (?:panel|condition)s?/g) ?? [];
  expect(folded(renderReport(conditions(4)))).toEqual([]);
  const many = renderReport(conditions(11));
  expect(folded(many)).toEqual(['3 further panels', '7 further conditions', '3 further panels']);
  expect(many.match(/<figure id="figure-samples-/g)).toHaveLength(11);
  expect(many.match(/<title[^>]*>Learning curves|Learning curves, /g)?.length).toBeGreaterThanOrEqual(11);
});

describe('the page', () => {
  const page = renderReport(syntheticReport());

  test('text from outside is never markup, wherever it stands', () => {
    const hostile = fc
      .string({
        unit: fc.constantFrom('<', '>', '&', '"', "'", 'a', '/', '`', '\\', '%', '\u0000', '\n'),
        minLength: 1,
        maxLength: 12,
      })
      .map((text) => `<x-attack ${text}"'>`);
    fc.assert(
      fc.property(hostile, (text) => {
        const input = poison(small(), text) as ReportInput;
        const out = renderReport({ ...input, complete: false, problems: [text] });
        expect(out).not.toContain('<x-attack');
        expect(out).toContain('&lt;x-attack');
        // Only the tags the report itself writes are left.
        const names = new Set([...out.matchAll(/<\/?([a-zA-Z!][\w-]*)/g)].map(([, name]) => name));
        expect([...names].filter((name) => !knownTags.has(name))).toEqual([]);
      }),
      { numRuns: 15 },
    );
  });
  const knownTags = new Set(
    [...page.matchAll(/<\/?([a-zA-Z!][\w-]*)/g)].map(([, name]) => name).concat('div', 'ul', 'li'),
  );

  test('nothing outside the file is referred to', () => {
    expect(page).not.toMatch(/https?:\/\//);
    const addresses = [...page.matchAll(/\b(?:src|href|action|srcset|poster)\s*=\s*"([^"]*)"/g)].map(
      ([, address]) => address,
    );
    expect(addresses.length).toBeGreaterThan(30);
    for (const address of addresses) expect(address).toMatch(/^(#|data:)/);
    expect(page.replace(/data:[^"]*/g, '')).not.toMatch(/@import|url\(/);
  });

  test('every anchor leads to an element and no id appears twice', () => {
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, target] of page.matchAll(/href="#([^"]+)"/g)) expect(ids).toContain(target);
  });

  test('every picture has a label', () => {
    const pictures = page.match(/<(svg|img)\b[^>]*>/g) ?? [];
    expect(pictures.length).toBeGreaterThan(10);
    for (const picture of pictures) expect(picture).toMatch(/(aria-label|alt)="[^"]{10,}"/);
  });

  test('no coordinate is NaN and nothing undefined is printed', () => {
    // Encoded data spell anything.
    const told = page.replace(/data:[^"]*|data-table="[^"]*/g, '').replace(/<script>[\s\S]*/, '');
    expect(told).not.toMatch(/NaN|undefined|\[object|Infinity/);
  });

  test('equal input gives equal bytes, in whatever order the jobs come, and input is not changed', () => {
    const input = syntheticReport();
    const before = JSON.stringify(input);
    expect(renderReport(input)).toBe(page);
    expect(JSON.stringify(input)).toBe(before);
    expect(renderReport({ ...input, jobs: [...input.jobs].reverse() })).toBe(page);
  });

  test('the sections stand in their order', () => {
    const places = [
      'results',
      'checks',
      'figures',
      'curves',
      'samples',
      'errors',
      'configuration',
      'notes',
      'provenance',
    ].map((id) => page.indexOf(`<section id="${id}"`));
    expect(places.every((place) => place > 0)).toBe(true);
    expect([...places].sort((a, b) => a - b)).toEqual(places);
  });

  test('what must be readable is there', () => {
    const text = page.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');
    for (const expected of [
      'mean relative L2 error, test split, last checkpoint',
      'published 0.00301',
      '266,837',
      'not trained here',
      '✗ does not hold',
      'with uncommitted changes',
      '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
      'sextant bench kdv --preset paper',
      'all rows: labels released',
    ])
      expect(text).toContain(expected);
  });

  test('a model that nobody trained stands beside its published value', () => {
    expect(page).toContain('published 0.130 · not trained here');
  });

  test('settings that every job shares are not among the differences', () => {
    const differences = page.slice(
      page.indexOf('<table id="table-differences"'),
      page.indexOf('<table id="table-settings"'),
    );
    expect(differences).toContain('>modes<');
    expect(differences).not.toContain('optimizer.rate');
    expect(page.slice(page.indexOf('<table id="table-settings"'))).toContain('optimizer.rate');
  });

  test.each(['/home/anna/epidemic.csv', 'C:\\data\\epidemic.csv'])(
    'of %s the page tells the name only',
    (file) => {
      const input = small();
      input.jobs[0].config.options['data'] = { file };
      const drawn = renderReport(input);
      expect(drawn).toContain('>epidemic.csv<');
      expect(drawn).not.toMatch(/anna|C:/);
    },
  );

  test('models that pictured different samples are not drawn as if they had the same', () => {
    const input = small();
    const { arrays } = input.jobs[0];
    if (!arrays) throw new Error('the fixture has arrays');
    input.jobs[0].arrays = {
      ...arrays,
      truth: { ...arrays.truth, data: Array.from(arrays.truth.data, (value) => value + 1) },
    };
    expect(renderReport(input)).toContain('The models chose different test samples by the same rule');
    expect(page).toContain('All models show the same samples.');
  });

  test('two-dimensional fields become maps with one colour bar scale', () => {
    const input = small();
    for (const job of input.jobs) {
      const field = { shape: [2, 8, 8], data: Array.from({ length: 128 }, (_, i) => Math.sin(i)) };
      job.arrays = { truth: field, prediction: field };
    }
    expect(renderReport(input)).toMatch(/<image[^>]+href="data:image\/png;base64,/);
  });

  test('an experiment with nothing in it is still a page', () => {
    const { result } = syntheticReport();
    const empty = renderReport({
      result: { ...result, environment: null, rows: [], checks: [], notes: [], figures: [], data: {} },
      jobs: [],
      complete: false,
      problems: ['jobs/a/config.json is not valid JSON'],
    });
    expect(empty).toContain('Nothing has been measured yet.');
    expect(empty).toContain('jobs/a/config.json is not valid JSON');
    expect(empty).toMatch(/0 of 0 jobs\s+finished/);
  });

  test('values that no axis can hold leave gaps, not broken paths', () => {
    const input = small();
    input.jobs[0].metrics[3].train = NaN;
    input.jobs[0].metrics[4].validation = Infinity;
    input.jobs[1].metrics.forEach((line) => (line.validation = -1));
    const out = renderReport(input).replace(/data:[^"]*/g, '');
    expect(out.match(/ d="[^"]*(NaN|Infinity)/)).toBeNull();
  });
});

describe('charts', () => {
  const draw = (y: number[], kind: 'linear' | 'log'): string =>
    chart({
      title: 't',
      description: 'd',
      x: { label: 'x', kind: 'linear' },
      y: { label: 'y', kind },
      series: [{ name: 's', x: y.map((_, i) => i), y, style: 'line', color: 0 }],
    }).text;
  const paths = (text: string): string[] =>
    [...text.matchAll(/<path\s+class="line[^"]*"\s+d="([^"]*)"/g)].map(([, d]) => d);

  test('a gap breaks the line', () => {
    const [d] = paths(draw([1, 2, NaN, 3, 4], 'linear'));
    expect(d.match(/M/g)).toHaveLength(2);
    expect(paths(draw([1, 0, 3, 4], 'log'))[0].match(/M/g)).toHaveLength(2);
  });

  test('points stay inside the frame', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -1e9, max: 1e9, noNaN: true }), { minLength: 2, maxLength: 40 }),
        (y) => {
          const numbers = paths(draw(y, 'linear'))
            .flatMap((d) => d.match(/-?[\d.]+/g) ?? [])
            .map(Number);
          expect(numbers.every((value) => value >= -0.1 && value <= 440.1)).toBe(true);
        },
      ),
    );
  });

  test.each([
    [5e-324, -5e-324],
    [1.7e308, -1.7e308],
    [1e139, -1e139],
    [1, 1 + 2 ** -52],
  ])('extreme values %j, %j leave no broken path', (a, b) => {
    for (const kind of ['linear', 'log'] as const) expect(draw([a, b, 1], kind)).not.toMatch(/NaN|Infinity/);
  });

  test('a very long line is thinned, its extremes kept', () => {
    const y = Array.from({ length: 20_000 }, (_, i) => (i === 7777 ? 50 : Math.sin(i)));
    const [d] = paths(draw(y, 'linear'));
    expect(d.length).toBeLessThan(60_000);
    const heights = (d.match(/[ML][\d.]+ ([\d.]+)/g) ?? []).map((pair) => Number(pair.split(' ')[1]));
    const sorted = [...heights].sort((a, b) => a - b);
    // The one outlier is far above everything else.
    expect(sorted[1] - sorted[0]).toBeGreaterThan(100);
  });
});

describe('downloads', () => {
  test('CSV quotes what needs quotes and disarms formulas', () => {
    expect(
      toCsv({
        columns: ['a', 'b'],
        rows: [
          ['x,"y"', -1.5],
          ['=1+1', null],
          ['-x', true],
        ],
      }),
    ).toBe('a,b\r\n"x,""y""",-1.5\r\n\'=1+1,\r\n\'-x,true\r\n');
  });

  test('JSON keeps numbers and names what JSON cannot say', () => {
    expect(JSON.parse(toJson({ columns: ['a'], rows: [[1.25], [NaN], [null]] }))).toEqual({
      columns: ['a'],
      rows: [[1.25], ['NaN'], [null]],
    });
  });

  test('LaTeX', () => {
    expect(escapeLatex('a_b & 50 % {x} 1.2×10⁻⁷ ± 0')).toBe(
      'a\\_b \\& 50 \\% \\{x\\} 1.2$\\times$10$^{-7}$ $\\pm$ 0',
    );
    const page = renderReport(syntheticReport());
    const latex = decodeURIComponent(
      /application\/x-tex;charset=utf-8,([^"]*)"/.exec(page)?.[1].replaceAll('&#39;', "'") ?? '',
    );
    expect(latex).toContain('\\toprule');
    expect(latex).toContain('\\textbf{0.002815 $\\pm$ 0.000071}');
    expect(latex.match(/\\midrule/g)).toHaveLength(2);
    // Every line of the body has as many cells as the head.
    const counts = latex
      .split('\n')
      .filter((line) => line.endsWith('\\\\'))
      .map((line) => line.split(' & ').length);
    expect(new Set(counts)).toEqual(new Set([5]));
  });

  test('the CSV behind the main table has the numbers in full', () => {
    const csv = decodeURIComponent(
      /download="table-results.csv" href="data:text\/csv;charset=utf-8,([^"]*)"/.exec(
        renderReport(syntheticReport()).replace(/\s+/g, ' '),
      )?.[1] ?? '',
    );
    const [head, first] = csv.split('\r\n');
    expect(head.startsWith('model,condition,metric,published,mean,std,n')).toBe(true);
    expect(
      first.startsWith(
        'pade,resolution 64,"mean relative L2 error, test split, last checkpoint",0.00301,0.0038',
      ),
    ).toBe(true);
  });
});

describe('the space-time picture', () => {
  const field = { x: [0, 0.5], t: [0, 1, 2], u: [0, 1, 2, 3, 4, 5], title: 'u_t = −u u_x <b>' };

  test('is one file with picture, axes and colour bar', () => {
    const svg = spaceTimeSvg(field);
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" width="664"/);
    expect(svg.match(/href="data:image\/png;base64,/g)).toHaveLength(2);
    expect(svg).toContain('u_t = −u u_x &lt;b&gt;');
    expect(svg).toContain('<style>');
  });

  test.each([
    [{ ...field, u: [1, 2] }, /u has 2 entries, expected times · points = 3 · 2 = 6/],
    [{ ...field, x: [1, 1] }, /x must ascend/],
    [{ ...field, x: [1] }, /x has 1 points/],
    [{ ...field, t: [] }, /t is empty/],
  ])('refuses %j', (bad, message) => expect(() => spaceTimeSvg(bad)).toThrow(message));

  test('a field without any finite value is still drawn', () => {
    expect(spaceTimeSvg({ ...field, u: [NaN, NaN, NaN, NaN, NaN, NaN] })).toContain('no finite value');
  });
});

test('the template escapes text and lists, keeps markup, and drops what is absent', () => {
  expect(html`<p title="${`"'`}">${['<b>', html`<i>&amp;</i>`, null, false, undefined, 0]}</p>`.text).toBe(
    '<p title="&quot;&#39;">&lt;b&gt;<i>&amp;</i>0</p>',
  );
});
