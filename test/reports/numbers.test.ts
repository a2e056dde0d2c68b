import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import {
  formatCount,
  formatFact,
  formatMeanStd,
  formatNumber,
  formatSeconds,
  slug,
} from '../../reports/format.ts';
import { linearTicks, logTicks, niceStep, scale } from '../../reports/scale.ts';
import { colorOf, colorScaleFor, colorTables } from '../../reports/colormap.ts';
import { gridPng, reduceGrid } from '../../reports/image.ts';
import { decode } from 'fast-png';
import { empiricalDistribution } from '../../reports/sections/errors.ts';
import { spreadLabels } from '../../reports/chart.ts';

describe('numbers as text', () => {
  test.each([
    [0.00301, 0.00012, '0.00301 ± 0.00012'],
    [0.00301, 0.000099, '0.003010 ± 0.000099'],
    [0.00301, 0.0000999, '0.00301 ± 0.00010'],
    [0.00301, null, '0.00301'],
    [0.00301, 0, '0.00301 ± 0'],
    [3.01e-7, 1.2e-8, '(3.01 ± 0.12)×10⁻⁷'],
    [1.5, 0.25, '1.50 ± 0.25'],
    [1234, 56, '1234 ± 56'],
    [-0.5, 0.1, '−0.50 ± 0.10'],
    [0.003, 1e-12, '0.0030000 ± 1.0×10⁻¹²'],
    [null, 0.1, '—'],
    [NaN, 0.1, '—'],
  ])('mean %s, std %s is written %s', (mean, std, text) => {
    expect(formatMeanStd(mean, std)).toBe(text);
  });

  test.each([
    [0.00301, '0.00301'],
    [0.00052, '0.000520'],
    [0.09999, '0.100'],
    [1.31, '1.31'],
    [123456, '1.23×10⁵'],
    [-2.5e-9, '−2.50×10⁻⁹'],
    [0, '0'],
    [Infinity, '—'],
  ])('%s is written %s', (value, text) => expect(formatNumber(value)).toBe(text));

  test.each([
    [0.43, '0.43 s'],
    [12.34, '12.3 s'],
    [59.97, '1 min'],
    [725, '12 min 5 s'],
    [3599.7, '1 h'],
    [11520, '3 h 12 min'],
    [null, '—'],
  ])('%s seconds are written %s', (value, text) => expect(formatSeconds(value)).toBe(text));

  test('counts, facts and anchors', () => {
    expect(formatCount(266837)).toBe('266,837');
    expect(formatFact(1e-3)).toBe('0.001');
    expect(formatFact(1.3e-9)).toBe('1.3×10⁻⁹');
    expect(slug('Resolution 64, “labels”')).toBe('resolution-64-labels');
  });
});

describe('axes', () => {
  const range = fc
    .tuple(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.double({ min: 1e-6, max: 1e6, noNaN: true }))
    .filter(([low, span]) => span > 1e-6 * Math.abs(low))
    .map(([low, span]): [number, number] => [low, low + span]);

  test('linear ticks lie inside the domain, ascend, and are multiples of a 1–2–5 step', () => {
    fc.assert(
      fc.property(range, ([low, high]) => {
        const values = linearTicks(low, high).map(({ value }) => value);
        expect(values.length).toBeGreaterThanOrEqual(2);
        expect(values.length).toBeLessThanOrEqual(10);
        const step = niceStep(high - low, 5);
        expect([1, 2, 5, 10]).toContain(
          Number((step / 10 ** Math.floor(Math.log10(step) + 1e-9)).toFixed(9)),
        );
        for (const value of values) {
          expect(value).toBeGreaterThanOrEqual(low - 1e-6 * (high - low));
          expect(value).toBeLessThanOrEqual(high + 1e-6 * (high - low));
        }
      }),
    );
  });

  test('labels of neighbouring ticks differ', () => {
    fc.assert(
      fc.property(range, ([low, high]) => {
        const labels = linearTicks(low, high).map(({ label }) => label);
        expect(new Set(labels).size).toBe(labels.length);
      }),
    );
  });

  test('golden ticks', () => {
    expect(linearTicks(0, 1).map(({ label }) => label)).toEqual(['0', '0.2', '0.4', '0.6', '0.8', '1.0']);
    expect(logTicks(1e-3, 1).map(({ label }) => label)).toEqual([
      '0.001',
      '0.003',
      '0.01',
      '0.03',
      '0.1',
      '0.3',
      '1',
    ]);
    expect(logTicks(1e-9, 1).map(({ label }) => label)).toEqual(['10⁻⁸', '10⁻⁶', '10⁻⁴', '10⁻²', '10⁰']);
  });

  test('a log axis maps equal ratios to equal lengths and has no place for zero', () => {
    const { position } = scale({ kind: 'log', extent: [1e-4, 1], range: [0, 400] });
    expect(position(1e-4)).toBeCloseTo(0, 9);
    expect(position(1e-2)).toBeCloseTo(200, 9);
    expect(position(0)).toBeNaN();
    expect(position(-1)).toBeNaN();
  });

  test('a single value and no value still give an axis', () => {
    for (const extent of [[3, 3], [0, 0], null] as const)
      for (const kind of ['linear', 'log'] as const) {
        if (kind === 'log' && extent?.[0] === 0) continue;
        const { domain, ticks } = scale({ kind, extent: extent && [extent[0], extent[1]], range: [0, 100] });
        expect(domain[0]).toBeLessThan(domain[1]);
        expect(ticks.length).toBeGreaterThan(0);
      }
  });

  test('labels at line ends keep their distance and their order', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 200, noNaN: true }), { minLength: 1, maxLength: 8 }),
        (wishes) => {
          const places = spreadLabels(wishes, 14, 0, 200).sort((a, b) => a - b);
          for (let i = 1; i < places.length; i++)
            expect(places[i] - places[i - 1]).toBeGreaterThanOrEqual(14 - 1e-9);
        },
      ),
    );
  });
});

describe('colour', () => {
  /** CIE lightness L* from sRGB (IEC 61966-2-1 and CIE 1976), independent of the OKLab the maps are built in. */
  const lightness = (rgb: readonly number[]): number => {
    const linear = rgb.map((c) =>
      c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4,
    );
    const y = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
    return y > 216 / 24389 ? 116 * Math.cbrt(y) - 16 : (24389 / 27) * y;
  };

  test('the sequential map grows in lightness at an even pace', () => {
    const values = colorTables.sequential.map(lightness);
    const steps = Array.from({ length: 16 }, (_, i) => values[Math.min(255, 16 * (i + 1))] - values[16 * i]);
    for (const step of steps) expect(step).toBeGreaterThan(0);
    expect(Math.max(...steps) / Math.min(...steps)).toBeLessThan(2);
  });

  test('the diverging map is lightest in the middle and equally dark at both ends', () => {
    const values = colorTables.diverging.map(lightness);
    expect(Math.max(...values)).toBeCloseTo(Math.max(values[127], values[128]), 5);
    for (let i = 0; i < 128; i++) expect(Math.abs(values[i] - values[255 - i])).toBeLessThan(8);
  });

  test('signed data get a scale centred at zero; others do not', () => {
    expect(colorScaleFor([-1, 2])).toEqual({ map: 'diverging', domain: [-2, 2] });
    expect(colorScaleFor([-0.01, 2]).map).toBe('sequential');
    expect(colorScaleFor([3, 3]).domain[1]).toBeGreaterThan(3);
    expect(colorOf(NaN, colorScaleFor([0, 1]))).toEqual([128, 128, 128]);
  });

  test('a picture has one pixel a value, the first row lowest when time runs upwards', () => {
    const colors = colorScaleFor([0, 3]);
    const png = decode(gridPng({ rows: 2, columns: 2, values: [0, 1, 2, 3] }, colors, true));
    expect([png.width, png.height]).toEqual([2, 2]);
    expect([...png.data.slice(0, 3)]).toEqual(colorOf(2, colors));
    expect([...png.data.slice(9, 12)]).toEqual(colorOf(1, colors));
  });

  test('reduction by block means keeps the mean', () => {
    const values = Float64Array.from({ length: 64 * 48 }, (_, i) => Math.sin(i));
    const reduced = reduceGrid({ rows: 64, columns: 48, values }, 16);
    const mean = (list: ArrayLike<number>): number =>
      Array.from(list).reduce((a, b) => a + b, 0) / list.length;
    expect([reduced.rows, reduced.columns]).toEqual([16, 16]);
    expect(mean(reduced.values)).toBeCloseTo(mean(values), 12);
  });

  test('values that do not fill the grid are refused by name', () => {
    expect(() => gridPng({ rows: 2, columns: 2, values: [1] }, colorScaleFor([0, 1]))).toThrow(
      /1 entries, expected .* 4/,
    );
  });
});

test('the empirical distribution starts at 0, ends at 1 and never falls', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 50 }),
      (errors) => {
        const { x, y } = empiricalDistribution([...errors].sort((a, b) => a - b));
        expect([y[0], y[y.length - 1]]).toEqual([0, 1]);
        for (let i = 1; i < y.length; i++) {
          expect(y[i]).toBeGreaterThanOrEqual(y[i - 1]);
          expect(x[i]).toBeGreaterThanOrEqual(x[i - 1]);
        }
      },
    ),
  );
});
