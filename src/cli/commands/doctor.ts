/** `sextant doctor`: what this machine offers, in a few lines to read or to attach to a question. */
import os from 'node:os';
import { performance } from 'node:perf_hooks';
import type { Command } from 'commander';
import { z } from 'zod';
import { captureEnvironment, installedVersion } from '../../runs/environment.ts';
import { loadEngine } from '../../tensor/engines/load.ts';
import { loadTensorFlow } from '../../tensor/engines/tfjs.ts';
import { defaultThreads } from '../../tensor/engines/threads.ts';
import {
  compile,
  engineNames,
  matmul,
  spec,
  type EngineName,
  type FloatDType,
  type Tensor,
} from '../../tensor/index.ts';
import { command } from '../command.ts';
import { describeError } from '../errors.ts';
import { formatNumber } from '../format.ts';
import type { Terminal } from '../terminal.ts';

const SIZE = 512;
/** The plain evaluator is there for correctness; a large product would take minutes. */
const sizes: Partial<Record<EngineName, number>> = { reference: 64 };

type EngineReport = { readonly library: string } & (
  | {
      readonly works: true;
      /** Rows of the square matrices of the product. */
      readonly size: number;
      /** Speed of the product, 2·size³ operations, in the number types the engine computes in. */
      readonly gigaflops: Partial<Record<FloatDType, number>>;
    }
  | { readonly works: false; readonly reason: string }
);

/** What stands behind each engine: library, version, and where it computes. */
const libraries: Record<EngineName, () => Promise<string>> = {
  async onnx() {
    const { listSupportedBackends } = await import('onnxruntime-node');
    const names = (bundled: boolean): string =>
      listSupportedBackends()
        .filter((provider) => provider.bundled === bundled)
        .map(({ name }) => name)
        .join(', ') || 'none';
    return (
      `ONNX Runtime ${installedVersion('onnxruntime-node')}, computes on cpu ` +
      `(execution providers in the package: ${names(true)}; that need libraries of their own: ${names(false)})`
    );
  },
  async tfjs() {
    const { tf, backend } = await loadTensorFlow();
    return `TensorFlow.js ${tf.version_core}, backend ${tf.getBackend()} of ${backend} ${installedVersion(backend)}`;
  },
  reference: () => Promise.resolve('plain TypeScript, for checks only'),
};

/** Seconds of a square matrix product on an engine, best of several runs. */
async function measure(engine: EngineName, dtype: FloatDType, size: number): Promise<number> {
  const values = Array.from({ length: size * size }, (_, i) => ((i * 7919) % 1000) / 1000 - 0.5);
  const data = dtype === 'float64' ? Float64Array.from(values) : Float32Array.from(values);
  const matrix = { data, shape: [size, size], dtype };
  const square = spec([size, size], dtype);
  const program = await compile((a: Tensor, b: Tensor) => matmul(a, b), [square, square], { engine, dtype });
  try {
    let best = Infinity;
    const began = performance.now();
    for (let run = 0; run < 50 && (run < 3 || performance.now() - began < 500); run++) {
      const start = performance.now();
      await program.run([matrix, matrix]);
      best = Math.min(best, performance.now() - start);
    }
    return best / 1000;
  } finally {
    await program.dispose();
  }
}

/** Speed of an engine; or why it does not work. */
async function examine(engine: EngineName): Promise<EngineReport> {
  const size = sizes[engine] ?? SIZE;
  let library = engine as string;
  try {
    library = await libraries[engine]();
    const gigaflops: Partial<Record<FloatDType, number>> = {};
    for (const dtype of (await loadEngine(engine)).dtypes)
      gigaflops[dtype] = (2 * size ** 3) / (await measure(engine, dtype, size)) / 1e9;
    return { library, works: true, size, gigaflops };
  } catch (error) {
    return { library, works: false, reason: describeError(error) };
  }
}

function engineLines(name: string, report: EngineReport): string[] {
  if (!report.works) return [`engine ${name}: does not work here: ${report.reason}`];
  const speeds = Object.entries(report.gigaflops).map(
    ([dtype, gigaflops]) => `${dtype} ${formatNumber(gigaflops)} GFLOP/s`,
  );
  return [
    `engine ${name}: ${report.library}`,
    `  matrix product of size ${report.size}: ${speeds.join(', ')}`,
  ];
}

export const build = (terminal: Terminal): Command =>
  command({
    name: 'doctor',
    summary: 'show engines, versions and the speed of this machine',
    arguments: {},
    options: { json: { help: 'print as JSON', schema: z.boolean().default(false) } },
    examples: ['sextant doctor'],
    async run({ json }) {
      const environment = captureEnvironment('onnx');
      const threads = defaultThreads();
      const engines: Partial<Record<EngineName, EngineReport>> = {};
      for (const name of engineNames) engines[name] = await examine(name);
      if (json) {
        terminal.print(JSON.stringify({ ...environment, threads, engines }, null, 2));
      } else {
        const { sextant, commit, dirty, node, platform, cpu, cores, memoryGiB } = environment;
        terminal.print(
          `sextant ${sextant}${commit ? `, commit ${commit.slice(0, 8)}${dirty ? ' with changes' : ''}` : ''}`,
        );
        terminal.print(`Node ${node}, ${platform}`);
        terminal.print(
          `${cpu}: ${cores} logical processors, ${threads} threads by default (one a physical core)`,
        );
        terminal.print(`${memoryGiB} GiB memory (${formatNumber(os.freemem() / 2 ** 30)} free)`);
        const versions = Object.entries(environment.libraries).map(([name, version]) => `${name} ${version}`);
        terminal.print(versions.join(', '));
        for (const [name, report] of Object.entries(engines))
          for (const line of engineLines(name, report)) terminal.print(line);
      }
      if (!engines.onnx?.works)
        throw new Error('the engine onnx, which trains the models, does not work on this machine');
    },
  });
