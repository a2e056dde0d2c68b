/** The commands on small real inputs, end to end; the examples of `--help` are executed as they stand. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { numbersOf } from '../../datasets/npy.ts';
import { readNpz } from '../../datasets/npz.ts';
import { call, entry, sextant, start, until, workplace } from './sextant.ts';

const { folder, remove } = workplace();
const at = (...parts: string[]): string => path.join(folder, ...parts);
afterAll(remove);

const small = [
  ...['--models', 'fno,mwt', '--resolutions', '16', '--train', '20', '--validation', '4', '--test', '6'],
  ...['--fine', '64', '--epochs', '2'],
];

/** One small benchmark that the tests of report, serve and export read. */
let experiment = '';
beforeAll(async () => {
  const { code, stdout, stderr } = await call(folder, 'bench', 'kdv', ...small, '--json');
  expect(code, stderr).toBe(0);
  const started = JSON.parse(stderr.split('\n')[0]) as { folder: string };
  experiment = path.basename(started.folder);
  writeFileSync(at('result.json'), stdout);
});

describe('bench', () => {
  test('list names every experiment with its presets', () => {
    const listed = JSON.parse(sextant(folder, 'bench', 'list', '--json').stdout) as {
      name: string;
      presets: string[];
    }[];
    const definitions = readdirSync(new URL('../../src/experiments/definitions/', import.meta.url));
    expect(listed).toHaveLength(definitions.length);
    expect(listed.find(({ name }) => name === 'kdv')?.presets).toEqual(['quick', 'paper']);
    const lines = sextant(folder, 'bench', 'list').stdout.trim().split('\n');
    expect(lines.map((line) => line.split(' ')[0])).toEqual(listed.map(({ name }) => name));
  });

  test('prints the result that it wrote, with every model and baseline in it', () => {
    const result = JSON.parse(readFileSync(at('result.json'), 'utf8')) as {
      rows: { model: string; mean: number; baseline: boolean }[];
      command: string;
      data: Record<string, unknown>;
    };
    expect(JSON.parse(readFileSync(at('runs', experiment, 'result.json'), 'utf8'))).toEqual(result);
    expect(result.rows.map(({ model }) => model)).toEqual([
      ...['fno', 'mwt', 'linear', 'multiplier', 'identity', 'labels'],
    ]);
    expect(result.rows.every(({ mean }) => mean > 0 && Number.isFinite(mean))).toBe(true);
    expect(result.command).toMatch(/^npx sextant bench kdv --preset quick .*--train 20/);
    expect(result.data['SHA-256 at s = 16']).toMatch(/^[0-9a-f]{64}$/);
  });

  test('run again, starts nothing and prints the table', async () => {
    const { code, stdout, stderr } = await call(folder, 'bench', 'kdv', ...small);
    expect(code).toBe(0);
    expect(stderr.match(/"skipped":true/g)).toHaveLength(5);
    expect(stdout).toMatch(/^fno +resolution 16, released/m);
    expect(stdout).toContain('linear (baseline)');
  });

  test('pictures the median and the worst test sample', async () => {
    const { truth, prediction, error, x } = await readNpz(
      at('runs', experiment, 'jobs', job('fno'), 'arrays.npz'),
    );
    expect([truth.shape, prediction.shape, error.shape, x.shape]).toEqual([[2, 16], [2, 16], [6], [16]]);
    const distance = (row: number): number => {
      const [t, p] = [truth, prediction].map((array) => numbersOf(array).slice(16 * row, 16 * row + 16));
      return Math.hypot(...t.map((value, i) => value - p[i])) / Math.hypot(...t);
    };
    const errors = [...numbersOf(error)].sort((a, b) => a - b);
    expect(distance(0)).toBeCloseTo(errors[2], 5);
    expect(distance(1)).toBeCloseTo(errors[5], 5);
  });

  test('a damaged checkpoint fails that job in one line that names the file', async () => {
    const more = [...small, '--seeds', '0,1', '--models', 'fno', '--baselines', 'identity'];
    const checkpoint = at('runs', experiment, 'jobs', job('fno'), 'checkpoints', 'last.safetensors');
    const bytes = readFileSync(checkpoint);
    const result = at('runs', experiment, 'jobs', job('fno'), 'result.json');
    const finished = readFileSync(result);
    writeFileSync(checkpoint, bytes.subarray(0, 1000));
    execFileSync('rm', [result]);
    const { code, stderr } = await call(folder, 'bench', 'kdv', ...more);
    writeFileSync(checkpoint, bytes);
    writeFileSync(result, finished);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /error: 1 of 3 jobs failed; fno.*last\.safetensors is not a readable safetensors file: .*cut off/,
    );
    expect(stderr).not.toMatch(/\n +at /);
  });

  test('takes pairs from a file of one’s own', async () => {
    await call(
      folder,
      'data',
      'kdv',
      '--train',
      '30',
      '--validation',
      '5',
      '--test',
      '5',
      '--fine',
      '64',
      '--resolution',
      '32',
      '--output',
      'own.npz',
    );
    const { code, stdout, stderr } = await call(
      folder,
      ...[
        'bench',
        'kdv',
        '--data',
        'own.npz',
        '--models',
        'fno',
        '--resolutions',
        '32,16',
        '--epochs',
        '1',
        '--json',
      ],
    );
    expect(code, stderr).toBe(0);
    const { title, source, rows } = JSON.parse(stdout) as {
      title: string;
      source: string;
      rows: { model: string; condition: unknown; published: unknown }[];
    };
    // Nothing is published about these data, and the equation is not known.
    expect([title, source]).toEqual(['Neural operators on own.npz', '']);
    const started = JSON.parse(stderr.split('\n')[0]) as { folder: string };
    const report = readFileSync(path.join(started.folder, 'report.html'), 'utf8');
    expect(report).toContain('<h1>Neural operators on own.npz</h1>');
    expect(report).not.toMatch(/Korteweg|Gupta/);
    expect(rows.map(({ model }) => model)).toEqual([
      'fno',
      'fno',
      'multiplier',
      'multiplier',
      'identity',
      'identity',
    ]);
    expect(rows[0]).toMatchObject({ condition: { resolution: 16, data: 'own.npz' }, published: null });
  });
});

const job = (model: string): string => {
  const { stdout } = { stdout: execFileSync('ls', [at('runs', experiment, 'jobs')], { encoding: 'utf8' }) };
  return stdout.split('\n').find((name) => name.startsWith(`${model}-`) && name.includes('seed0')) ?? '';
};

test('report writes one file that names its models, by path and by name', async () => {
  const { code, stdout } = await call(folder, 'report', experiment, '--output', 'own.html');
  expect([code, stdout.trim()]).toEqual([0, 'own.html']);
  expect(readFileSync(at('own.html'), 'utf8')).toContain('fno');
  expect((await call(folder, 'report', `runs/${experiment}`)).code).toBe(0);
});

test('export writes an ONNX file; a baseline and an experiment are refused in one line', async () => {
  const { code, stdout, stderr } = await call(
    folder,
    ...['export', job('fno'), '--output', 'fno.onnx', '--batch', '2'],
  );
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(
    /^fno\.onnx: fno, last checkpoint, input \[2, 16, 1\] → output \[2, 16, 1\], \d+ bytes$/m,
  );
  const { InferenceSession, Tensor } = await import('onnxruntime-node');
  const session = await InferenceSession.create(at('fno.onnx'));
  const { output } = await session.run({
    input: new Tensor('float32', new Float32Array(32).fill(0.1), [2, 16, 1]),
  });
  expect(output.dims).toEqual([2, 16, 1]);
  expect([...(output.data as Float32Array)].every(Number.isFinite)).toBe(true);
  expect((await call(folder, 'export', job('identity'))).stderr).toMatch(/^error: identity is a baseline/);
  expect((await call(folder, 'export', experiment)).stderr).toMatch(
    /^error: RUN: .* is an experiment; give one of its jobs: /,
  );
});

test('solve writes the numbers it speaks of, and a picture', async () => {
  const { code, stdout } = await call(
    folder,
    ...[
      'solve',
      'u_t = 0.1*u_xx',
      '--domain',
      '0,1',
      '--initial',
      'sin(2*pi*x)',
      '--time',
      '0.5',
      '--points',
      '32',
    ],
    ...['--output', 'heat.npz', '--picture', 'heat.svg', '--json'],
  );
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ points: 32, step: null, errorEstimate: 0, output: 'heat.npz' });
  const { u, x, t } = await readNpz(at('heat.npz'));
  expect(u.shape).toEqual([t.shape[0], 32]);
  // One decaying mode: u = e^(−0.1 (2π)² t) sin 2πx.
  const last = numbersOf(u).slice(-32);
  const decay = Math.exp(-0.1 * (2 * Math.PI) ** 2 * 0.5);
  numbersOf(x).forEach((value, i) => expect(last[i]).toBeCloseTo(decay * Math.sin(2 * Math.PI * value), 12));
  expect(readFileSync(at('heat.svg'), 'utf8')).toMatch(/^<svg /);
});

test('solve without names of files writes solution.npz and solution.svg, and says when they were there', async () => {
  const own = workplace();
  const line = [
    ...['solve', 'u_t = -u*u_x - 0.0025*u_xxx', '--domain', '-1,1', '--initial', 'cos(pi*x)', '--time', '1'],
    ...['--points', '64', '--step', '0.005'],
  ];
  try {
    const { code, stdout } = await call(own.folder, ...line);
    expect(code).toBe(0);
    expect(stdout).toMatch(/estimated by step doubling: \d/);
    expect(stdout).toContain('\nwrote solution.npz\nwrote solution.svg\n');
    const { x, t, u, error_estimate } = await readNpz(path.join(own.folder, 'solution.npz'));
    expect([x.shape, t.shape, u.shape, error_estimate.shape]).toEqual([[64], [101], [101, 64], [101]]);
    const errors = numbersOf(error_estimate);
    expect(errors[0]).toBe(0);
    expect(errors[100]).toBeGreaterThan(0);
    expect(errors[100]).toBeLessThan(1e-3);
    expect(readFileSync(path.join(own.folder, 'solution.svg'), 'utf8')).toMatch(/^<svg /);

    const again = await call(own.folder, ...line, '--picture', 'other.svg');
    expect(again.stdout).toContain('\nreplaced solution.npz\nwrote other.svg\n');
  } finally {
    own.remove();
  }
});

test('solve says that a linear equation is solved exactly, not that an estimate is 0', async () => {
  const { stdout } = await call(folder, 'solve', 'heat');
  expect(stdout).toContain('exact in time (linear equation)');
  expect(stdout).not.toContain('step doubling');
});

test('doctor names the machine, the libraries behind each engine, and their speed in both precisions', async () => {
  const { code, stdout } = await call(folder, 'doctor', '--json');
  expect(code).toBe(0);
  const { node, threads, engines } = JSON.parse(stdout) as {
    node: string;
    threads: number;
    engines: Record<string, { works: boolean; library: string; gigaflops: Record<string, number> }>;
  };
  expect(node).toBe(process.version);
  expect(threads).toBeGreaterThanOrEqual(1);
  expect(engines.onnx.works).toBe(true);
  expect(engines.onnx.library).toMatch(
    /^ONNX Runtime \d+\.\d+\.\d+, .*execution providers in the package: cpu/,
  );
  expect(engines.onnx.gigaflops.float32).toBeGreaterThan(0);
  expect(engines.onnx.gigaflops.float64).toBeGreaterThan(0);
  expect(engines.tfjs.library).toMatch(/^TensorFlow\.js \d.*, backend \w+ of @tensorflow\/tfjs-/);
});

test('serve prints its address, shows the run and ends on Ctrl-C with 130', async () => {
  const server = start(folder, 'serve', '--port', '0');
  await until(() => server.said.stdout.includes('http://127.0.0.1:'), 'the address');
  const address = /http:\S+/.exec(server.said.stdout)?.[0] ?? '';
  const page = await new Promise<string>((resolve, reject) => {
    http
      .get(address, (response) => {
        let body = '';
        response.on('data', (chunk: Buffer) => (body += chunk.toString()));
        response.on('end', () => resolve(body));
      })
      .on('error', reject);
  });
  expect(page).toContain(experiment);
  server.signalGroup('SIGINT');
  expect((await server.ended).code).toBe(130);
});

describe('the examples of --help work as they stand:', () => {
  const examplesOf = (...args: string[]): string[] => {
    const { stdout } = sextant(folder, ...args, '--help');
    return [...stdout.matchAll(/^ {2}\$ (sextant .+)$/gm)].map(([, line]) => line);
  };
  /** Runs a line in a shell where `sextant` is the command. */
  const shell = (line: string): void => {
    const bin = at('bin');
    execFileSync('mkdir', ['-p', bin]);
    if (!existsSync(path.join(bin, 'sextant'))) symlinkSync(entry, path.join(bin, 'sextant'));
    execFileSync('sh', ['-c', line], {
      cwd: folder,
      env: { ...process.env, PATH: `${bin}:${process.env.PATH}`, SEXTANT_CACHE: at('.cache') },
      stdio: 'pipe',
    });
  };

  // In this order: mri phantom makes what mri recon reads.
  test.each([
    ...['solve', 'bench list', 'data kdv', 'data covid', 'data check', 'doctor'],
    ...['mri phantom', 'mri recon', 'uq mri'],
  ])('%s', (name) => {
    const lines = examplesOf(...name.split(' '));
    expect(lines.length).toBeGreaterThan(0);
    lines.forEach(shell);
  });

  test('operator, report, serve, export and bench, on the small run', () => {
    // These name the quick benchmark and the results of record; here the same lines get the small run's names.
    const [exported] = examplesOf('export');
    const onSmallRun = (line: string): string => {
      const job = 'runs/kdv-quick-*/jobs/fno-resolution64-released-seed0-*';
      expect(line).toContain(job);
      return line.replace(job, `runs/${experiment}/jobs/fno-*-seed0-*`);
    };
    shell(onSmallRun(exported));
    expect(existsSync(at('fno.onnx'))).toBe(true);
    for (const name of ['evaluate', 'predict']) {
      const [line] = examplesOf('operator', name);
      shell(onSmallRun(line).replace('64,256,1024', '16,32,64'));
    }
    expect(existsSync(at('predictions.npz'))).toBe(true);
    const [reported] = examplesOf('report');
    shell(reported.replace('docs/results/kdv', `runs/${experiment}`));
    expect(existsSync(at('kdv.html'))).toBe(true);
    const [benched] = examplesOf('bench', 'kdv');
    shell(`${benched} ${small.join(' ')}`);
    expect(examplesOf('serve')).toEqual(['sextant serve --port 0']);
  });
});
