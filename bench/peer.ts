/** The PyTorch side of a benchmark: a Python process that times a case when asked. */
import { spawn, spawnSync } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { PeerCase } from './case.ts';

export interface PeerTime {
  readonly median: number;
  readonly best: number;
  readonly runs: number;
  /** Of a model; null for other cases. */
  readonly parameters: number | null;
}

export interface Peer {
  readonly version: string;
  time(request: PeerCase, seconds: number): Promise<PeerTime>;
  close(): Promise<void>;
}

/** A Python that can import torch: the one SEXTANT_PYTHON names, else python3. */
export function findPython(): string | null {
  const candidates = [process.env['SEXTANT_PYTHON'] || 'python3', 'python3'];
  return candidates.find((name) => spawnSync(name, ['-c', 'import torch']).status === 0) ?? null;
}

export async function startPeer(threads: number): Promise<Peer | null> {
  const python = findPython();
  if (python === null) return null;
  const script = path.join(import.meta.dirname, 'peers', 'serve.py');
  const child = spawn(python, [script, String(threads)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<unknown> => {
    const line = await lines.next();
    if (line.done) throw new Error('the PyTorch process ended early; its message stands above');
    return JSON.parse(line.value);
  };
  const { torch } = (await answer()) as { torch: string };
  return {
    version: torch,
    async time(request, seconds) {
      child.stdin.write(`${JSON.stringify({ ...request, seconds })}\n`);
      return (await answer()) as PeerTime;
    },
    close: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve());
        child.stdin.end();
      }),
  };
}
