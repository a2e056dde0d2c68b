/** Solutions of independent codes (Chebfun, published by Raissi under the MIT licence), on their own grids. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { relativeL2, solve } from '../../solvers/solve.ts';

const folder = path.join(process.env['SEXTANT_DATA'] ?? '', 'pde');

/** The numbers of a plain version 1 float64 file. */
function numbers(name: string): Float64Array {
  const bytes = readFileSync(path.join(folder, name));
  const start = 10 + bytes.readUInt16LE(8);
  return new Float64Array(new Uint8Array(bytes.subarray(start)).buffer);
}

const cases = [
  { file: 'kdv_sine', equation: 'kdv', parameters: {}, half: 20, step: 0.005, limit: 1e-9 },
  {
    file: 'burgers_sine',
    equation: 'burgers',
    parameters: { viscosity: 0.1 },
    half: 8,
    step: 0.00625,
    limit: 1e-10,
  },
  {
    file: 'ks_sine_L20',
    equation: 'kuramotoSivashinsky',
    parameters: {},
    half: 10,
    step: 0.0125,
    limit: 1e-7,
  },
] as const;

for (const { file, equation, parameters, half, step, limit } of cases) {
  const missing = !existsSync(path.join(folder, `${file}_u.npy`));
  test.skipIf(missing)(`pde/${file}_u.npy: relative L2 distance over space and time below ${limit}`, () => {
    const u = numbers(`${file}_u.npy`);
    const saved = [...numbers(`${file}_t.npy`)].map((t) => Number(t.toFixed(6)));
    const points = u.length / saved.length;
    const solution = solve({
      equation,
      parameters,
      domain: [-half, half],
      points,
      initial: u.slice(0, points),
      times: saved,
      step,
      estimateError: false,
    });
    const distance = relativeL2(solution.u, u);
    expect(distance).toBeLessThan(limit);
    expect(distance).toBeGreaterThan(0);
  });
}
