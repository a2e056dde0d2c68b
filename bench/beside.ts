/**
 * Ours beside PyTorch 2 on the same cores, in one run. The two take turns, three rounds each of about a second a case, so that
 * a busy machine slows both. Printed is the median of all runs. Without a Python that has torch our times are printed alone.
 */
import os from 'node:os';
import type { Case, PreparedCase } from './case.ts';
import { startPeer, type PeerTime } from './peer.ts';
import { benchSettings, type BenchSettings } from './settings.ts';
import { processorTicks } from './stolen.ts';

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
 * Times the cases of `npm run bench:NAME` and prints a line each. The first of them must be `gemm32`, by whose product speed the
 * shares are measured. `more` are names that `--only` takes for what the caller times itself.
 *
 * @throws if a model has more or fewer parameters than its peer.
 */
export async function besidePyTorch(
  benchmark: string,
  cases: (threads: number) => readonly Case[],
  more: readonly string[] = [],
): Promise<BenchSettings> {
  const settings = benchSettings(benchmark, [...cases(1).map(({ name }) => name), ...more]);
  const { only, seconds, rounds, threads, json } = settings;
  const before = processorTicks();
  const peer = await startPeer(threads);
  const out = (line: string): void => void process.stdout.write(`${line}\n`);
  const load = os.loadavg()[0];
  if (!json) {
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
    if (only && !only.includes(name) && name !== 'gemm32') continue;
    const prepared = await item.prepare();
    await timeOurs(prepared, 0.2);
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < rounds; round++) {
      ours.push(...(await timeOurs(prepared, seconds)));
      // Both libraries' threads spin for a while after their last job; let them go to sleep.
      await pause(250);
      const answer = await peer?.time(item.peer, seconds);
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
    if (!json) out(show(row));
  }
  await peer?.close();
  const after = processorTicks();
  const stolen =
    before && after && after.all > before.all
      ? (after.stolen - before.stolen) / (after.all - before.all)
      : null;
  if (json)
    out(
      JSON.stringify(
        { cpu: os.cpus()[0].model, threads, torch: peer?.version ?? null, peak, load, stolen, rows },
        null,
        2,
      ),
    );
  else {
    if (peak !== null) out(`\nGEMM peak: ${peak.toFixed(0)} GFLOP/s (best 1024³ float32 product)`);
    if (stolen !== null)
      out(`${(100 * stolen).toFixed(0)} % of the processors' time was taken by other machines of the host`);
  }
  return settings;
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
