/**
 * Ours beside PyTorch 2 on the same cores, in one run. The two take turns, three rounds each of about a second a case, so that
 * a busy machine slows both. Printed is the median of all runs. Without a Python that has torch our times are printed alone.
 */
import os from 'node:os';
import { parseArgs } from 'node:util';
import type { Case, PreparedCase } from './case.ts';
import { startPeer, type PeerTime } from './peer.ts';

interface Row {
  readonly name: string;
  readonly title: string;
  readonly ours: number;
  readonly torch: number | null;
  readonly ratio: number | null;
  /** GFLOP/s of our matrix products over the measured product speed. */
  readonly share: number | null;
}

/** However long a run takes; the peer's number is in serve.py. */
const LEAST_RUNS = 2;

const median = (times: readonly number[]): number => [...times].sort((a, b) => a - b)[times.length >> 1];

async function timeOurs(prepared: PreparedCase, seconds: number): Promise<number[]> {
  const times: number[] = [];
  const end = performance.now() + 1000 * seconds;
  while (times.length < LEAST_RUNS || performance.now() < end) {
    const start = performance.now();
    await prepared.run();
    times.push((performance.now() - start) / (prepared.repeats ?? 1));
  }
  return times;
}

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/**
 * Times the cases and prints a line each. The first of them must be `gemm32`, by whose product speed the shares are measured.
 *
 * @throws if a model has more or fewer parameters than its peer.
 */
export async function besidePyTorch(cases: (threads: number) => readonly Case[]): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      seconds: { type: 'string', default: '1' },
      rounds: { type: 'string', default: '3' },
      threads: { type: 'string', default: String(os.availableParallelism()) },
      json: { type: 'boolean', default: false },
    },
  });
  const threads = Number(values.threads);
  const wanted = values.only?.split(',');
  const peer = await startPeer(threads);
  const out = (line: string): void => void process.stdout.write(`${line}\n`);
  const load = os.loadavg()[0];
  if (!values.json) {
    out(
      `${os.cpus()[0].model.trim()}, ${threads} threads, Node ${process.version}, load ${load.toFixed(1)} at the start`,
    );
    out(
      peer
        ? `PyTorch ${peer.version}`
        : 'PyTorch: no python3 (or SEXTANT_PYTHON) that imports torch was found; our times alone',
    );
    out(
      `\n${'case'.padEnd(44)}${'ours ms'.padStart(10)}${'torch ms'.padStart(10)}${'ratio'.padStart(8)}${'of GEMM peak'.padStart(14)}`,
    );
  }

  const rows: Row[] = [];
  let peak: number | null = null;
  for (const item of cases(threads)) {
    const { name, title } = item;
    // The product speed is measured first, whatever is asked for: shares need it.
    if (wanted && !wanted.includes(name) && name !== 'gemm32') continue;
    const prepared = await item.prepare();
    await timeOurs(prepared, 0.2);
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < Number(values.rounds); round++) {
      ours.push(...(await timeOurs(prepared, Number(values.seconds))));
      // Both libraries' threads spin for a while after their last job; let them go to sleep.
      await pause(250);
      const answer = await peer?.time(item.peer, Number(values.seconds));
      if (answer) {
        requireSameSize(name, prepared, answer);
        theirs.push(answer.median);
      }
      await pause(250);
    }
    const milliseconds = median(ours);
    const torch = theirs.length > 0 ? median(theirs) : null;
    const speed = prepared.flops === 0 ? null : prepared.flops / milliseconds / 1e6;
    if (name === 'gemm32') peak = prepared.flops / Math.min(...ours) / 1e6;
    await prepared.dispose();
    const row: Row = {
      name,
      title,
      ours: milliseconds,
      torch,
      ratio: torch === null ? null : milliseconds / torch,
      share: speed === null || peak === null ? null : speed / peak,
    };
    rows.push(row);
    if (!values.json) out(show(row));
  }
  await peer?.close();
  if (values.json)
    out(
      JSON.stringify(
        { cpu: os.cpus()[0].model, threads, torch: peer?.version ?? null, peak, load, rows },
        null,
        2,
      ),
    );
  else if (peak !== null) out(`\nGEMM peak: ${peak.toFixed(0)} GFLOP/s (best 1024³ float32 product)`);
}

function requireSameSize(name: string, { parameters }: PreparedCase, answer: PeerTime): void {
  if (parameters !== undefined && parameters !== answer.parameters) {
    throw new Error(
      `${name}: ${parameters} parameters, its peer in bench/peers has ${answer.parameters}; expected equally many`,
    );
  }
}

function show({ title, ours, torch, ratio, share }: Row): string {
  const cell = (text: string, width: number): string => text.padStart(width);
  return (
    title.padEnd(44) +
    cell(ours.toFixed(2), 10) +
    cell(torch?.toFixed(2) ?? '—', 10) +
    cell(ratio?.toFixed(2) ?? '—', 8) +
    cell(share === null ? '' : `${(100 * share).toFixed(0)} %`, 14)
  );
}
