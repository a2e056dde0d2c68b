/** `sextant doctor`: what this machine offers, in a few lines to read or to attach to a question. */
import os from 'node:os';
import { performance } from 'node:perf_hooks';
import type { Command } from 'commander';
import { z } from 'zod';
import { captureEnvironment } from '../../runs/environment.ts';
import {
  compile,
  engineNames,
  matmul,
  spec,
  type EngineName,
  type NDArray,
  type Tensor,
} from '../../tensor/index.ts';
import { command } from '../command.ts';
import { describeError } from '../errors.ts';
import { formatNumber } from '../format.ts';
import type { Terminal } from '../terminal.ts';

const SIZE = 512;
/** The plain evaluator is there for correctness; a large product would take minutes. */
const sizes: Partial<Record<EngineName, number>> = { reference: 64 };

type EngineReport = { works: true; gigaflops: number; size: number } | { works: false; reason: string };

/** Speed of a square float32 matrix product on an engine, best of several runs; or why the engine does not work. */
async function measure(engine: EngineName): Promise<EngineReport> {
  const size = sizes[engine] ?? SIZE;
  try {
    const matrix: NDArray = {
      data: Float32Array.from({ length: size * size }, (_, i) => ((i * 7919) % 1000) / 1000 - 0.5),
      shape: [size, size],
      dtype: 'float32',
    };
    const program = await compile(
      (a: Tensor, b: Tensor) => matmul(a, b),
      [spec([size, size]), spec([size, size])] as never,
      {
        engine,
        dtype: engine === 'reference' ? 'float64' : 'float32',
      },
    );
    let best = Infinity;
    const began = performance.now();
    for (let run = 0; run < 50 && (run < 3 || performance.now() - began < 500); run++) {
      const start = performance.now();
      await program.run([matrix, matrix] as never);
      best = Math.min(best, performance.now() - start);
    }
    await program.dispose();
    return { works: true, gigaflops: (2 * size ** 3) / best / 1e6, size };
  } catch (error) {
    return { works: false, reason: describeError(error) };
  }
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
      const engines: Partial<Record<EngineName, EngineReport>> = {};
      for (const name of engineNames) engines[name] = await measure(name);
      if (json) {
        terminal.print(JSON.stringify({ ...environment, engines }, null, 2));
      } else {
        const { sextant, commit, dirty, node, platform, cpu, cores, memoryGiB, libraries } = environment;
        terminal.print(
          `sextant ${sextant}${commit ? `, commit ${commit.slice(0, 8)}${dirty ? ' with changes' : ''}` : ''}`,
        );
        terminal.print(`Node ${node}, ${platform}`);
        terminal.print(
          `${cpu}, ${cores} cores, ${memoryGiB} GiB memory (${formatNumber(os.freemem() / 2 ** 30)} free)`,
        );
        terminal.print(
          Object.entries(libraries)
            .map(([name, version]) => `${name} ${version}`)
            .join(', '),
        );
        for (const [name, report] of Object.entries(engines)) {
          terminal.print(
            report.works
              ? `engine ${name}: matrix product of size ${report.size} at ${formatNumber(report.gigaflops)} GFLOP/s`
              : `engine ${name}: does not work here: ${report.reason}`,
          );
        }
      }
      if (!engines.onnx?.works)
        throw new Error('the engine onnx, which trains the models, does not work on this machine');
    },
  });
