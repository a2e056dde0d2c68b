/** Titles above charts: broken into lines that fit. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chart } from '../../reports/chart.ts';
import { characterWidth } from '../../reports/chartStyle.ts';
import { panelTitle } from '../../reports/panelTitle.ts';

const linesOf = (title: string, width: number): string[] =>
  [...String(panelTitle(title, width).markup ?? '').matchAll(/<tspan[^>]*>([^<]*)</g)].map(([, line]) =>
    line.trim(),
  );

test('all words are there in their order, and only a single word is wider than the picture', () => {
  const words = fc.array(fc.stringMatching(/^[a-z]{1,30}$/), { maxLength: 20 });
  fc.assert(
    fc.property(words, fc.integer({ min: 50, max: 600 }), (list, width) => {
      const lines = linesOf(list.join(' '), width);
      expect(lines.join(' ')).toBe(list.join(' '));
      for (const line of lines)
        if (line.includes(' ')) expect(line.length * characterWidth).toBeLessThanOrEqual(width);
    }),
  );
});

test('what stands below moves down by a line for each that is added', () => {
  const drawn = (title: string): string =>
    String(
      chart({
        title,
        description: 'a line',
        x: { label: 'x', kind: 'linear' },
        y: { label: 'persons', kind: 'linear' },
        series: [{ name: 'a', color: 0, style: 'line', x: [0, 1], y: [0, 1] }],
      }),
    );
  const labelAt = (title: string): number => Number(/y="([\d.]+)">persons/.exec(drawn(title))?.[1]);
  const long = 'Deaths, Massachusetts (synthetic), forward split, network answers correction';
  expect(linesOf(long, 440)).toHaveLength(2);
  expect(labelAt(long) - labelAt('Deaths')).toBe(19);
  expect(labelAt('Deaths') - labelAt('')).toBe(19);
});
