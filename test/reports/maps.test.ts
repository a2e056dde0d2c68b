/** Maps of a report in the browser: the value under the pointer, and a picture that grows when it is clicked. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { expect, test } from 'vitest';
import { renderReport } from '../../reports/report.ts';
import { chromiumArguments, chromiumPath, hasChromium } from '../server/runs.ts';
import { syntheticReport } from './fixture.ts';

const [rows, columns] = [6, 8];

/** A ramp with one pixel that has no value, and the same ramp ten times as high. */
function withMaps() {
  const input = syntheticReport();
  const ramp = (factor: number) => ({
    shape: [rows, columns],
    data: Float64Array.from({ length: rows * columns }, (_, i) => (i === 11 ? NaN : factor * i)),
  });
  const maps = ['sd', 'bias'].map((array) => ({ array, title: array, quantity: 'a unit', scale: array }));
  return {
    ...input,
    jobs: input.jobs.slice(0, 1).map((job) => ({
      ...job,
      result: job.result && { ...job.result, maps },
      arrays: { sd: ramp(1), bias: ramp(10) },
    })),
  };
}

test.skipIf(!hasChromium)(
  'the value under the pointer is that of the map, and a click enlarges its picture alone',
  async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'sextant-maps-'));
    const browser = await chromium.launch({ executablePath: chromiumPath, args: chromiumArguments });
    try {
      const file = path.join(folder, 'report.html');
      await writeFile(file, renderReport(withMaps()));
      const page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
      const complaints: string[] = [];
      page.on('console', (message) => complaints.push(message.text()));
      page.on('pageerror', (error) => complaints.push(error.message));
      await page.goto(pathToFileURL(file).href);
      const picture = (n: number) => page.locator('svg.map image[data-values]').nth(n);
      const readout = (n: number): Promise<string | null> =>
        page.locator('svg.map .readout').nth(n).textContent();
      const box = async (n: number) => {
        const found = await picture(n).boundingBox();
        if (!found) throw new Error(`picture ${n} is not shown`);
        return found;
      };
      const point = async (n: number, row: number, column: number): Promise<void> => {
        const { width, height } = await box(n);
        const position = { x: ((column + 0.5) * width) / columns, y: ((row + 0.5) * height) / rows };
        await picture(n).hover({ position });
      };
      const still = await readout(0);
      await point(0, 4, 3);
      await expect.poll(() => readout(0)).toBe('row 4, column 3: 35.0');
      await point(0, 1, 3);
      await expect.poll(() => readout(0)).toBe('row 1, column 3: none');
      await point(1, 5, 7);
      await expect.poll(() => readout(1)).toBe('row 5, column 7: 470');
      await expect.poll(() => readout(0)).toBe(still);

      const [before, other] = [await box(0), await box(1)];
      await picture(0).click();
      expect((await box(0)).width).toBeGreaterThan(1.5 * before.width);
      expect((await box(1)).width).toBeCloseTo(other.width, 2);
      await point(0, 2, 6);
      await expect.poll(() => readout(0)).toBe('row 2, column 6: 22.0');
      await picture(0).click();
      expect((await box(0)).width).toBeCloseTo(before.width, 2);
      expect(complaints).toEqual([]);
    } finally {
      await browser.close();
      await rm(folder, { recursive: true, force: true });
    }
  },
);
