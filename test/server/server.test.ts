import { appendFile, cp, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import type { Express } from 'express';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createApp } from '../../server/app.ts';
import { serve, type Served } from '../../server/serve.ts';
import { syntheticReport } from '../reports/fixture.ts';
import { makeRuns, writeJob, type Runs } from './runs.ts';

let runs: Runs;
let app: Express;
let served: Served;
const lines: string[] = [];
beforeAll(async () => {
  runs = await makeRuns();
  await writeFile(path.join(runs.folder, 'secret.txt'), 'the secret');
  await writeFile(path.join(runs.folder, 'kdv-done', 'report.html'), '<h1>saved</h1>');
  const options = {
    runsFolder: runs.folder,
    log: (line: string) => lines.push(line),
    pollMilliseconds: 20,
    heartbeatMilliseconds: 40,
  };
  app = createApp(options);
  served = await serve({ ...options, port: 0 });
});
afterAll(async () => {
  await served.close();
  await runs.remove();
});

/** A request whose path reaches the server exactly as written. */
const rawStatus = (
  target: string,
  method = 'GET',
  headers: Record<string, string> = {},
): Promise<{ status: number; body: string }> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(served.url);
    const call = http.request({ hostname, port, path: target, method, headers }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => (body += part));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    call.on('error', reject);
    call.end();
  });

describe('pages', () => {
  test('the list names every experiment with state, progress and link', async () => {
    const { text } = await request(app).get('/').expect(200).expect('Content-Type', /html/);
    expect(text).toContain('href="/experiments/kdv-done"');
    expect(text).toContain('href="/experiments/kdv-half/live"');
    expect(text).toMatch(/running[\s\S]*52 %[\s\S]*1 of 2 jobs finished[\s\S]*1 min 35 s left/);
  });

  test('the report is rendered from the folder as it is now', async () => {
    const done = await request(app).get('/experiments/kdv-done').expect(200);
    expect(done.text).toContain('0.002815 ± 0.000071');
    const half = await request(app).get('/experiments/kdv-half').expect(200);
    expect(half.text).toContain('This experiment is not complete');
    expect(half.text).toContain('href="/experiments/kdv-half/live"');
  });

  test('the progress page has a row a job and works without script by reloading', async () => {
    const { text } = await request(app).get('/experiments/kdv-half/live').expect(200);
    expect(text.match(/<tr data-job="pade/g)).toHaveLength(2);
    expect(text).toMatch(/<noscript>\s*<meta http-equiv="refresh"/);
  });

  test('the API gives the same as JSON', async () => {
    const list = await request(app).get('/api/experiments').expect(200);
    expect((list.body as { id: string }[]).map(({ id }) => id)).toEqual(['kdv-done', 'kdv-half']);
    const one = await request(app).get('/api/experiments/kdv-half').expect(200);
    expect(one.body).toMatchObject({
      complete: false,
      summary: { state: 'running' },
      result: { experiment: 'kdv' },
    });
    await request(app).get('/api/experiments/none').expect(404, { error: 'There is no such experiment' });
  });

  test('files of the folder can be downloaded', async () => {
    const result = await request(app).get('/experiments/kdv-done/files/result.json').expect(200);
    expect(result.headers['content-disposition']).toBe('attachment; filename="kdv-done-result.json"');
    expect(result.body).toMatchObject({ experiment: 'kdv' });
    const metrics = await request(app)
      .get('/experiments/kdv-done/jobs/pade-s64-seed0/files/metrics.jsonl')
      .expect(200);
    expect(metrics.headers['content-type']).toMatch(/ndjson/);
    await request(app).get('/experiments/kdv-done/jobs/pade-s64-seed0/files/arrays.npz').expect(200);
    await request(app).get('/experiments/kdv-done/jobs/pade-s64-seed0/files/checkpoint.json').expect(404);
    const saved = await request(app).get('/experiments/kdv-done/files/report.html').expect(200);
    expect(saved.headers['content-disposition']).toMatch(/^attachment/);
  });

  test('a folder of runs that does not exist yet is an empty list', async () => {
    const { text } = await request(createApp({ runsFolder: path.join(runs.folder, 'later') }))
      .get('/')
      .expect(200);
    expect(text).toContain('There are no runs yet');
  });

  test('broken files are said, not thrown', async () => {
    const folder = path.join(runs.folder, 'broken');
    await mkdir(path.join(folder, 'jobs'), { recursive: true });
    await writeFile(path.join(folder, 'result.json'), '{{{');
    const { text } = await request(app).get('/experiments/broken').expect(200);
    expect(text).toContain('result.json is not valid JSON');
    expect((await request(app).get('/').expect(200)).text).toContain('result.json is not valid JSON');
    await mkdir(path.join(runs.folder, 'fresh'));
    expect((await request(app).get('/experiments/fresh').expect(404)).text).toContain(
      'has not written anything yet',
    );
  });

  test('pages are compressed, events are not', async () => {
    const page = await request(app).get('/experiments/kdv-done').set('Accept-Encoding', 'gzip');
    expect(page.headers['content-encoding']).toBe('gzip');
    const events = await request(app).get('/experiments/kdv-done/events').set('Accept-Encoding', 'gzip');
    expect(events.headers['content-encoding']).toBeUndefined();
  });
});

describe('nothing outside the folder of runs can be reached', () => {
  test.each([
    '/experiments/..',
    '/experiments/..%2f..%2fetc',
    '/experiments/%2e%2e',
    '/experiments/%2e%2e%2f%2e%2e%2fetc%2fpasswd',
    '/experiments/%2fetc',
    '/experiments/kdv-done%00',
    '/experiments/kdv-done/files/..%2f..%2fsecret.txt',
    '/experiments/kdv-done/files/..%5c..%5csecret.txt',
    '/experiments/kdv-done/files/../../secret.txt',
    '/experiments/kdv-done/files/constructor',
    '/experiments/kdv-done/files/__proto__',
    '/experiments/kdv-done/jobs/..%2f..%2fkdv-done/files/result.json',
    '/experiments/kdv-done/jobs/%2e%2e/files/result.json',
    '/experiments/secret.txt',
    '/secret.txt',
    '/../secret.txt',
    '//etc/passwd',
  ])('%s', async (target) => {
    const { status, body } = await rawStatus(target);
    expect([400, 404]).toContain(status);
    expect(body).not.toMatch(/the secret|root:|at .*\.ts:\d+/);
  });

  test('links that lead out', async () => {
    await symlink('/etc', path.join(runs.folder, 'outside'));
    await symlink(path.join(runs.folder, 'secret.txt'), path.join(runs.folder, 'kdv-half', 'result.json'));
    const arrays = path.join(runs.folder, 'kdv-half', 'jobs', 'pade-s64-seed0', 'arrays.npz');
    await rm(arrays);
    await symlink(path.join(runs.folder, 'secret.txt'), arrays);
    for (const target of [
      '/experiments/outside',
      '/experiments/outside/events',
      '/experiments/kdv-half/files/result.json',
      '/experiments/kdv-half/jobs/pade-s64-seed0/files/arrays.npz',
    ]) {
      const { status, body } = await rawStatus(target);
      expect([target, status]).toEqual([target, 404]);
      expect(body).not.toContain('the secret');
    }
    expect((await rawStatus('/')).body).not.toContain('outside');
  });
});

describe('guards', () => {
  test('the policy allows nothing but what the page brings along', async () => {
    const { headers, text } = await request(app).get('/experiments/kdv-done');
    const policy = headers['content-security-policy'];
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
    expect(policy).toMatch(/script-src 'sha256-[^']+' 'sha256-[^']+';/);
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['x-powered-by']).toBeUndefined();
    expect(headers['strict-transport-security']).toBeUndefined();
    expect(text).not.toMatch(/ on\w+="| style="/);
  });

  test.each(['evil.example', 'evil.example:80', '127.0.0.1.evil.example', 'localhost@evil.example'])(
    'host %j is refused',
    async (host) => {
      const { status, body } = await rawStatus('/', 'GET', { Host: host });
      expect([400, 403]).toContain(status);
      expect(body).not.toContain('kdv-done');
    },
  );

  test.each(['127.0.0.1:1', 'localhost', 'LOCALHOST:8080', '[::1]:3000'])(
    'host %s is answered',
    async (host) => {
      expect((await rawStatus('/', 'GET', { Host: host })).status).toBe(200);
    },
  );

  test.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('%s is refused', async (method) => {
    const { status } = await rawStatus('/', method);
    expect(status).toBe(405);
  });

  test('HEAD is answered without a body', async () => {
    expect(await rawStatus('/experiments/kdv-done', 'HEAD')).toEqual({ status: 200, body: '' });
  });

  test('a malformed address and an overlong one are refused politely', async () => {
    const malformed = await rawStatus('/experiments/%E0%A4%A');
    expect(malformed.status).toBe(400);
    expect(malformed.body).not.toMatch(/URIError|node_modules/);
    expect((await rawStatus('/' + 'a'.repeat(20_000))).status).toBe(431);
    expect((await rawStatus('/')).status).toBe(200);
  });
});

const lastStatus = 'event: status\ndata: {"job":"pade-s64-seed1"';

/** Reads events of an experiment until `enough` says so or the stream ends. */
const readEvents = (id: string, enough: (text: string) => boolean, started?: () => void): Promise<string> =>
  new Promise((resolve, reject) => {
    const call = http.get(new URL(`/experiments/${id}/events`, served.url), (response) => {
      expect(response.headers['content-type']).toMatch('text/event-stream');
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        const before = text;
        text += part;
        // Statuses follow the metrics of a job: by the last one, everything there was has been told.
        if (!before.includes(lastStatus) && text.includes(lastStatus)) started?.();
        if (enough(text)) call.destroy();
      });
      response.on('close', () => resolve(text));
    });
    call.on('error', (error) => (call.destroyed ? undefined : reject(error)));
  });

describe('events', () => {
  const metric = { epoch: 7, train: 0.123456, validation: 0.2, learningRate: 1e-3, seconds: 7 };

  test('tell what is there, then an appended line, with signs of life between', async () => {
    const jobs = path.join(runs.folder, 'kdv-half', 'jobs');
    const text = await readEvents(
      'kdv-half',
      (so) => so.includes('0.123456') && so.includes(': alive'),
      () =>
        void appendFile(path.join(jobs, 'pade-s64-seed1', 'metrics.jsonl'), JSON.stringify(metric) + '\n'),
    );
    expect(text).toContain('event: status\ndata: {"job":"pade-s64-seed1","status":{"state":"running"');
    expect(text.match(/"epoch":7,"train":0\.123456/g)).toHaveLength(1);
  });

  test('a line is told only when it is complete', async () => {
    const file = path.join(runs.folder, 'kdv-half', 'jobs', 'pade-s64-seed1', 'metrics.jsonl');
    const line = JSON.stringify({ ...metric, epoch: 8, train: 0.654321 });
    const text = await readEvents(
      'kdv-half',
      (so) => so.includes('0.654321'),
      () =>
        void appendFile(file, line.slice(0, 15)).then(async () => {
          await new Promise((resolve) => setTimeout(resolve, 80));
          await appendFile(file, line.slice(15) + '\n');
        }),
    );
    expect(text).toContain('"train":0.654321');
  });

  test('a job that appears later is told too', async () => {
    const [, , third] = syntheticReport().jobs;
    const told = `event: metrics\ndata: {"job":"${third.name}"`;
    const text = await readEvents(
      'kdv-half',
      (so) => so.includes(told),
      () => void writeJob(path.join(runs.folder, 'kdv-half'), third),
    );
    expect(text.indexOf(told)).toBeGreaterThan(text.indexOf(lastStatus));
  });

  test('a file that was cut back is told anew', async () => {
    const file = path.join(runs.folder, 'kdv-half', 'jobs', 'pade-s64-seed1', 'metrics.jsonl');
    const text = await readEvents(
      'kdv-half',
      (so) => so.includes('event: reset') && so.includes('0.987'),
      () => void writeFile(file, JSON.stringify({ ...metric, epoch: 1, train: 0.987 }) + '\n'),
    );
    expect(text.indexOf('event: reset')).toBeLessThan(text.indexOf('0.987'));
  });

  test('the stream of a complete experiment ends by itself', async () => {
    const text = await readEvents('kdv-done', () => false);
    expect(text.trimEnd()).toMatch(/event: complete\ndata: \{\}$/);
  });

  test('the stream of an experiment that is deleted says so and ends', async () => {
    const folder = path.join(runs.folder, 'kdv-deleted');
    await cp(path.join(runs.folder, 'kdv-half'), folder, { recursive: true });
    const before = lines.length;
    const text = await readEvents(
      'kdv-deleted',
      () => false,
      () => void rm(folder, { recursive: true }),
    );
    expect(text.trimEnd()).toMatch(/event: gone\ndata: \{\}$/);
    expect(lines.slice(before)).toEqual([]);
    expect((await rawStatus('/experiments/kdv-deleted/events')).status).toBe(404);
  });
});

describe('serve', () => {
  test('a port in use is said with the way out', async () => {
    const port = Number(new URL(served.url).port);
    await expect(serve({ runsFolder: runs.folder, port })).rejects.toThrow(
      `Port ${port} is in use: choose another with --port, or --port 0`,
    );
  });

  test('only addresses of this machine', async () => {
    await expect(serve({ runsFolder: runs.folder, port: 0, host: '0.0.0.0' })).rejects.toThrow(
      /host is 0\.0\.0\.0, expected 127\.0\.0\.1/,
    );
    await expect(serve({ runsFolder: runs.folder, port: 70_000 })).rejects.toThrow(/port is 70000, expected/);
    expect(new URL(served.url).hostname).toBe('127.0.0.1');
  });

  test('close ends open streams and frees the port', async () => {
    const other = await serve({ runsFolder: runs.folder, port: 0, pollMilliseconds: 20 });
    const ended = new Promise<void>((resolve) => {
      http.get(new URL('/experiments/kdv-half/events', other.url), (response) => {
        response.on('error', () => undefined);
        response.on('close', resolve);
        response.once('data', () => void other.close());
      });
    });
    await ended;
    const again = await serve({ runsFolder: runs.folder, port: Number(new URL(other.url).port) });
    await again.close();
    expect(lines).toEqual([]);
  });
});
