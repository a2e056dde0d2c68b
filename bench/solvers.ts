/**
 * Accuracy and time of the solvers: `npm run bench:solvers`. Observed orders against closed forms and against the solver's
 * own finest solution; distances to solutions of an independent code where SEXTANT_DATA has them (pde/*.npy).
 */
import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { numbersOf, readNpy } from '../datasets/npy.ts';
import { readBytes } from '../datasets/files.ts';
import { relativeL2, solve, type SolveOptions } from '../solvers/solve.ts';
import { coleHopf, observedOrder, soliton } from '../test/solvers/references.ts';

const out = (line: string): void => void process.stdout.write(`${line}\n`);
const short = (value: number): string => value.toExponential(1);

type Problem = Omit<SolveOptions, 'step' | 'estimateError'>;

/** Errors at the last time for three steps, the order they show, and the time of the run with the smallest step. */
function order(
  title: string,
  problem: Problem,
  steps: readonly number[],
  exact: ((x: number) => number) | number,
): void {
  const last = (step: number): { x: Float64Array; u: Float64Array; seconds: number } => {
    const start = performance.now();
    const { x, u } = solve({ ...problem, step, estimateError: false });
    return { x, u: u.subarray(u.length - x.length), seconds: (performance.now() - start) / 1000 };
  };
  const runs = steps.map(last);
  const truth = typeof exact === 'number' ? last(exact).u : Float64Array.from(runs[0].x, exact);
  const errors = runs.map(({ u }) => relativeL2(u, truth));
  out(
    `${title.padEnd(40)}${observedOrder(steps, errors).toFixed(2).padStart(7)}   ${errors.map(short).join('  ')}   ${runs[steps.length - 1].seconds.toFixed(2)} s`,
  );
}

out(
  `${os.cpus()[0].model.trim()}, one thread, Node ${process.version}, load ${os.loadavg()[0].toFixed(1)} at the start\n`,
);
out(`${'ETDRK4'.padEnd(40)}${'order'.padStart(7)}   relative L2 errors           time of the last`);
const wave = soliton(2, 1);
order(
  'KdV soliton, steps .02 .01 .005',
  { equation: 'kdv', domain: [-20, 20], points: 256, initial: (x) => wave(x, 0), times: [0, 2] },
  [0.02, 0.01, 0.005],
  (x) => wave(x, 2),
);
const viscous = coleHopf(0.1, [1, 0.4]);
order(
  'Burgers, Cole–Hopf, steps .1 .05 .025',
  {
    equation: 'burgers',
    parameters: { viscosity: 0.1 },
    domain: [0, 2 * Math.PI],
    points: 128,
    initial: (x) => viscous(x, 0),
    times: [0, 2],
  },
  [0.1, 0.05, 0.025],
  (x) => viscous(x, 2),
);
order(
  'KS against step .000625, .02 .01 .005',
  {
    equation: 'kuramotoSivashinsky',
    domain: [0, 22],
    points: 64,
    initial: 'cos(2*pi*x/22)*(1+sin(2*pi*x/22))',
    times: [0, 10],
  },
  [0.02, 0.01, 0.005],
  0.000625,
);

const folder = path.join(process.env['SEXTANT_DATA'] ?? '', 'pde');
const independent = [
  { file: 'kdv_sine', equation: 'kdv', parameters: {}, half: 20, step: 0.0025 },
  { file: 'burgers_sine', equation: 'burgers', parameters: { viscosity: 0.1 }, half: 8, step: 0.003125 },
  { file: 'ks_sine_L20', equation: 'kuramotoSivashinsky', parameters: {}, half: 10, step: 0.005 },
];
out(
  `\n${'against an independent code'.padEnd(40)}${'step'.padStart(9)}   relative L2 over space and time   time`,
);
for (const { file, equation, parameters, half, step } of independent) {
  const at = path.join(folder, `${file}_u.npy`);
  if (!existsSync(at)) {
    out(`${file.padEnd(40)} skipped: pde/${file}_u.npy is missing (SEXTANT_DATA)`);
    continue;
  }
  const read = async (part: string): Promise<Float64Array> =>
    numbersOf(readNpy(await readBytes(path.join(folder, `${file}_${part}.npy`))));
  const [u, t] = [await read('u'), await read('t')];
  const points = u.length / t.length;
  const start = performance.now();
  const solution = solve({
    equation,
    parameters,
    domain: [-half, half],
    points,
    initial: u.slice(0, points),
    times: Array.from(t, (value) => Number(value.toFixed(6))),
    step,
    estimateError: false,
  });
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  out(
    `${`${file}, ${points} points`.padEnd(40)}${String(step).padStart(9)}   ${short(relativeL2(solution.u, u)).padEnd(31)}   ${seconds} s`,
  );
}
