import { appendFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { toCsv, type Value } from '../../reports/downloads.ts';
import { renderReport } from '../../reports/report.ts';
import { serve, type Served } from '../../server/serve.ts';
import { syntheticReport } from '../reports/fixture.ts';
import { chromiumArguments, chromiumPath, hasChromium, makeRuns, type Runs } from './runs.ts';

describe.skipIf(!hasChromium)(`in the browser (needs ${chromiumPath}; CHROMIUM_PATH names another)`, () => {
  let browser: Browser;
  let runs: Runs;
  let served: Served;
  let file: string;
  beforeAll(async () => {
    runs = await makeRuns();
    served = await serve({ runsFolder: runs.folder, port: 0, pollMilliseconds: 30 });
    await mkdir(path.join(runs.folder, 'files'));
    file = path.join(runs.folder, 'files', 'report.html');
    await writeFile(file, renderReport(syntheticReport()));
    browser = await chromium.launch({ executablePath: chromiumPath, args: chromiumArguments });
  });
  afterAll(async () => {
    await browser?.close();
    await served.close();
    await runs.remove();
  });

  interface Look {
    width?: number;
    scheme?: 'light' | 'dark';
    script?: boolean;
  }

  /** Opens a page; whatever the browser complains about (errors, policy violations, failed requests) is collected. */
  async function look(
    address: string,
    { width = 1200, scheme = 'light', script = true }: Look = {},
  ): Promise<{ page: Page; complaints: string[] }> {
    const page = await browser.newPage({
      viewport: { width, height: 900 },
      colorScheme: scheme,
      javaScriptEnabled: script,
      acceptDownloads: true,
    });
    const complaints: string[] = [];
    page.on('console', (message) => message.type() !== 'log' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('requestfailed', (request) => {
      // A page that is left ends its event stream itself.
      if (request.resourceType() === 'eventsource' && request.failure()?.errorText === 'net::ERR_ABORTED')
        return;
      complaints.push(`failed: ${request.url().slice(0, 80)}`);
    });
    await page.goto(address);
    return { page, complaints };
  }
  const at = (target: string): string => new URL(target, served.url).href;
  const texts = (page: Page, selector: string): Promise<string[]> => page.locator(selector).allInnerTexts();

  test.each(['/', '/experiments/kdv-done', '/experiments/kdv-half', '/experiments/kdv-half/live', 'file'])(
    '%s: no complaint, and no sideways scrolling at 390 pixels',
    async (target) => {
      const { page, complaints } = await look(target === 'file' ? pathToFileURL(file).href : at(target), {
        width: 390,
      });
      await page.locator('h1').waitFor();
      // Functions given as text are not called: an expression opens all of them.
      await page.evaluate("document.querySelectorAll('details').forEach((node) => { node.open = true; })");
      expect(await page.locator('details:not([open])').count()).toBe(0);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
      expect(complaints).toEqual([]);
      await page.close();
    },
  );

  test.each(['light', 'dark'] as const)(
    '%s: every text has a contrast of at least 4.5 to its ground',
    async (scheme) => {
      const { page } = await look(pathToFileURL(file).href, { scheme });
      const poor = await page.evaluate(contrastProbe);
      expect(poor).toEqual([]);
      const ground = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
      const brightness = (/\d+/g[Symbol.match](ground) ?? []).map(Number)[0];
      expect(brightness > 128).toBe(scheme === 'light');
      await page.close();
    },
  );

  test('tables sort up and down, missing values last', async () => {
    const { page } = await look(pathToFileURL(file).href);
    const models = '#table-results tbody th';
    const names = async (): Promise<string[]> =>
      (await texts(page, models)).map((text) => text.split(/\s/)[0]);
    expect(await names()).toEqual(['pade', 'mwt', 'fno', 'mgno', 'linear', 'multiplier', 'identity']);
    await page.locator('#table-results thead button').nth(1).click();
    expect(await names()).toEqual(['linear', 'multiplier', 'mwt', 'pade', 'fno', 'identity', 'mgno']);
    await page.locator('#table-results thead button').nth(1).click();
    expect(await names()).toEqual(['identity', 'fno', 'pade', 'mwt', 'multiplier', 'linear', 'mgno']);
    expect(await page.locator('#table-results th[aria-sort]').getAttribute('aria-sort')).toBe('descending');
    await page.close();
  });

  test.each(['file', 'served'])('downloads work (%s)', async (where) => {
    const { page, complaints } = await look(
      where === 'file' ? pathToFileURL(file).href : at('/experiments/kdv-done'),
    );
    const save = async (selector: string): Promise<{ name: string; text: string }> => {
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.locator(selector).first().click(),
      ]);
      return { name: download.suggestedFilename(), text: await readFile(await download.path(), 'utf8') };
    };
    const csv = await save('a[download="table-results.csv"]');
    expect(csv.text.split('\r\n')).toHaveLength(16);
    // A large table is unpacked by the page: both files hold the same numbers.
    const json = await save('button[data-file="figure-curves.json"]');
    const { columns, rows } = JSON.parse(json.text) as { columns: string[]; rows: Value[][] };
    expect(rows).toHaveLength(3600);
    const packed = await save('button[data-file="figure-curves.csv"]');
    expect(packed.name).toBe('figure-curves.csv');
    expect(packed.text).toBe(toCsv({ columns, rows }));
    expect((await save('a[download="table-results.tex"]')).text).toContain('\\begin{tabular}');
    const svg = await save('#figure-curves button[data-svg="0"]');
    expect(svg.name).toBe('figure-curves-resolution-64.svg');
    expect(complaints).toEqual([]);
    // The saved chart stands alone: it opens, has a size, and its lines have colours.
    const saved = path.join(runs.folder, 'files', `${where}.svg`);
    await writeFile(saved, svg.text);
    const alone = await look(pathToFileURL(saved).href);
    expect(alone.complaints).toEqual([]);
    const stroke = await alone.page.evaluate("getComputedStyle(document.querySelector('.line')).stroke");
    expect(stroke).toMatch(/^rgb/);
    await alone.page.close();
    await page.close();
  });

  test('without script everything is there but the comfort', async () => {
    const { page } = await look(pathToFileURL(file).href, { script: false });
    expect(await page.locator('svg.chart').count()).toBeGreaterThan(10);
    expect(await page.locator('#table-results tbody tr').count()).toBe(7);
    expect(await page.locator('button:visible').count()).toBe(0);
    // What needs the script says so.
    expect(await texts(page, '#figure-curves .downloads')).toEqual([
      expect.stringMatching(/CSV and JSON of these 3600 rows are unpacked by the script/),
    ]);
    await page.close();
  });

  test('the progress page follows a running job', async () => {
    const { page, complaints } = await look(at('/experiments/kdv-half/live'));
    const row = page.locator('tr[data-job="pade-s64-seed1"]');
    await page.getByText('Live: this page follows').waitFor();
    await row.locator('[data-field=epoch]', { hasText: 'epoch 6 of 200, 2 min left' }).waitFor();
    const folder = path.join(runs.folder, 'kdv-half', 'jobs', 'pade-s64-seed1');
    const line = { epoch: 7, train: 0.0424242, validation: 0.0535353, learningRate: 1e-3, seconds: 9 };
    await appendFile(path.join(folder, 'metrics.jsonl'), JSON.stringify(line) + '\n');
    await row.locator('[data-field=train]', { hasText: '0.0424' }).waitFor();
    await row.locator('[data-field=validation]', { hasText: '0.0535' }).waitFor();
    expect((await row.locator('path').getAttribute('d'))?.match(/L/g)).toHaveLength(6);
    const statusFile = path.join(folder, 'status.json');
    const status = JSON.parse(await readFile(statusFile, 'utf8')) as Record<string, unknown>;
    const measuring = { ...status, part: { label: 'replicas', done: 30, total: 128 } };
    await writeFile(statusFile, JSON.stringify(measuring));
    await row.locator('[data-field=epoch]', { hasText: 'replicas 30 of 128' }).waitFor();
    // An experiment is complete when its result is there and no job of it is still going.
    await writeFile(statusFile, JSON.stringify({ ...status, state: 'finished' }));
    const done = path.join(runs.folder, 'kdv-half', 'result.json');
    await writeFile(done, JSON.stringify(syntheticReport().result));
    await page.getByRole('link', { name: 'Open the report' }).click();
    await page.locator('#table-results').waitFor();
    await rm(done);
    expect(complaints).toEqual([]);
    await page.close();
  });
});

/** Texts whose WCAG contrast to the ground behind them is below 4.5; runs in the page. */
const contrastProbe = `(() => {
  const parse = (color) => { const [r, g, b, a = 1] = color.match(/[\\d.]+/g).map(Number); return { rgb: [r, g, b], a }; };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const { rgb, a } = parse(getComputedStyle(at).backgroundColor);
      if (a > 0) return rgb;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const node of document.querySelectorAll('body *')) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!own || node.matches('script, style, .anchor')) continue;
    const style = getComputedStyle(node);
    const color = node.closest('svg') ? style.fill : style.color;
    const [x, y] = [luminance(parse(color).rgb), luminance(ground(node))];
    const contrast = (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
    if (contrast < 4.5) poor.push(node.textContent.trim().slice(0, 40) + ' ' + contrast.toFixed(2) + ' ' + color);
  }
  return [...new Set(poor)];
})()`;
