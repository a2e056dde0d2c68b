import { expect, test } from 'vitest';
import { overview } from '../../reports/conditions.ts';
import { figures } from '../../reports/sections/figures.ts';
import { html } from '../../reports/html.ts';
import type { Figure } from '../../src/runs/schema.ts';
import { syntheticReport } from './fixture.ts';

type Series = Figure['series'][number];

const cloud = (name: string, x: number[], y: number[], more: Partial<Series> = {}): Series => ({
  name,
  x,
  y,
  style: 'points',
  ...more,
});

function drawn(series: Series[]): string {
  const input = syntheticReport();
  const [figure] = input.result.figures;
  const plain = { ...figure, xScale: 'linear', yScale: 'linear', series } as const;
  const whole = { ...input, result: { ...input.result, figures: [plain] } };
  return html`${figures(whole, overview(whole))}`.text;
}

const chartsOf = (page: string): string[] =>
  [...page.matchAll(/<svg class="chart"[\s\S]*?<\/svg>/g)].map(([svg]) => svg);

const ticks = (svg: string): string[] =>
  [...svg.matchAll(/class="tick"[^>]*>([^<]*)</g)].map(([, label]) => label);

test('series that name panels stand in charts of their own, with one pair of axes for all', () => {
  const near = cloud('fno', [0, 1], [0, 1], { panel: 'fno' });
  const far = cloud('mwt', [5, 9], [-3, 20], { panel: 'mwt (2 outside)' });
  const page = drawn([near, far]);
  const charts = chartsOf(page);
  expect(charts).toHaveLength(2);
  expect(charts[1]).toContain('mwt (2 outside)');
  // What a title says needs no legend.
  expect(page).not.toMatch(/<g class="legend">\s*<(circle|path)/);
  expect(ticks(charts[0]).length).toBeGreaterThan(4);
  expect(ticks(charts[1])).toEqual(ticks(charts[0]));
  // Each keeps the colour of its model.
  const colors = charts.map((svg) => /class="point (c\d)"/.exec(svg)?.[1]);
  expect(new Set(colors).size).toBe(2);
  const [alone] = chartsOf(drawn([near]));
  expect(ticks(alone)).not.toEqual(ticks(charts[0]));
});

test('series without a panel share one chart with a legend', () => {
  const page = drawn([cloud('fno', [0, 1], [0, 1]), cloud('mwt', [5, 9], [-3, 20])]);
  expect(chartsOf(page)).toHaveLength(1);
  expect(page).toMatch(/<g class="legend">\s*<circle[\s\S]*fno[\s\S]*<circle[\s\S]*mwt/);
});
