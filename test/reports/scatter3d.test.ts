import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { expect, test } from 'vitest';
import { renderReport } from '../../reports/report.ts';
import { boxOf, countOutside, scatter3d } from '../../reports/scatter3d.ts';
import { chromiumArguments, chromiumPath, hasChromium } from '../server/runs.ts';
import { syntheticReport } from './fixture.ts';

/** The synthetic report with points in space: a helix, and for every model one as much wider as its place in the list. */
function withPoints() {
  const input = syntheticReport();
  const helix = (radius: number) => ({
    shape: [60, 3],
    data: Float64Array.from({ length: 180 }, (_, i) => {
      const t = Math.floor(i / 3) / 6;
      return [t, radius * Math.cos(t), radius * Math.sin(t)][i % 3];
    }),
  });
  return {
    ...input,
    jobs: input.jobs.map((job, i) => ({
      ...job,
      arrays: { points: helix(1 + i / 10), truePoints: helix(1) },
    })),
  };
}

test('the box holds the points with one scale, and what is outside is counted', () => {
  const box = boxOf([0, 0, 0, 4, 2, 1]);
  expect(box).toEqual({ middle: [2, 1, 0.5], halves: [2, 1, 0.5], reach: Math.hypot(2, 1, 0.5) });
  expect(countOutside([2, 1, 0.5, 4.17, 1, 0.5, 4.2, 1, 0.5, 2, 1, -90], box)).toBe(2);
  const { text } = scatter3d({
    title: 'a < b',
    description: 'Points.',
    clouds: [{ name: 'p', points: [2, 1, 0.5, 400, 1, 0.5], color: 'pale' }],
    box,
  });
  expect(text).toContain('a &lt; b');
  // The middle of the box is the middle of the picture.
  expect(text).toMatch(/data-points="0 0 0"\s+d="M160 200h0"/);
});

test('a report shows points of the first seed of every model, names what is outside, and offers the points', () => {
  const page = renderReport(withPoints());
  expect(page).toContain('Samples in space');
  expect(page).not.toContain('No job has left predictions to show');
  expect(page.match(/class="chart scatter3d"/g)).toHaveLength(6);
  expect(page).toMatch(/60 samples of pade in space over 60 true points/);
  const csv = /download="figure-points-[^"]*\.csv" href="data:text\/csv;charset=utf-8,([^"]*)"/.exec(page);
  const lines = decodeURIComponent(csv?.[1] ?? '')
    .trim()
    .split(/\r?\n/);
  expect(lines[0]).toBe('points,x,y,z');
  expect(lines).toHaveLength(1 + 4 * 60);
  expect(renderReport(syntheticReport())).not.toContain('class="chart scatter3d"');
});

test.skipIf(!hasChromium)(
  'in the browser, pictures turn by keys and by dragging, all of a figure together',
  async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'sextant-scatter-'));
    const browser = await chromium.launch({ executablePath: chromiumPath, args: chromiumArguments });
    try {
      const file = path.join(folder, 'report.html');
      await writeFile(file, renderReport(withPoints()));
      const page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
      const complaints: string[] = [];
      page.on('console', (message) => complaints.push(message.text()));
      page.on('pageerror', (error) => complaints.push(error.message));
      await page.goto(pathToFileURL(file).href);
      const pictures = page
        .locator('figure')
        .filter({ has: page.locator('svg.scatter3d') })
        .first()
        .locator('svg');
      const views = async (): Promise<(string | null)[]> => {
        const clouds = await pictures.locator('path.cloud.pale').all();
        return Promise.all(clouds.map((cloud) => cloud.getAttribute('d')));
      };
      const settled = (): Promise<unknown> =>
        page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
      const first = await views();
      expect(new Set(first).size).toBe(1);
      await pictures.first().focus();
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('ArrowUp');
      await settled();
      const turned = await views();
      expect(turned[0]).not.toBe(first[0]);
      expect(new Set(turned).size).toBe(1);
      // The script draws the first view as the page brought it.
      await page.keyboard.press('Home');
      await settled();
      expect(await views()).toEqual(first);
      const box = await pictures.nth(1).boundingBox();
      if (!box) throw new Error('no picture');
      await page.mouse.move(box.x + 100, box.y + 150);
      await page.mouse.down();
      await page.mouse.move(box.x + 160, box.y + 170, { steps: 3 });
      await page.mouse.up();
      await settled();
      const dragged = await views();
      expect(dragged[0]).not.toBe(first[0]);
      expect(new Set(dragged).size).toBe(1);
      expect(complaints).toEqual([]);
    } finally {
      await browser.close();
      await rm(folder, { recursive: true, force: true });
    }
  },
);
