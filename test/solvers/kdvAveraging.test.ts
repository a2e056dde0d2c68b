import { expect, test } from 'vitest';
import { periodicGrid } from '../../solvers/grid.ts';
import { averagedKdv, normalFormKdv } from '../../solvers/kdvAveraging.ts';
import { relativeL2, solve } from '../../solvers/solve.ts';

const initial = 'sin(2*pi*x)*0.3 + 0.15*cos(4*pi*x+1) + 0.05*sin(6*pi*x)';

test('normal form of KdV agrees with plain ETDRK4 where both resolve the phases, mean included', () => {
  for (const mean of [0, 0.2]) {
    const grid = periodicGrid([0, 1], 32);
    const { u } = solve({
      equation: 'kdv',
      parameters: { dispersion: 0.1 },
      domain: [0, 1],
      points: 32,
      initial: `${initial} + ${mean}`,
      times: [0, 0.03],
      step: 2.5e-5,
      dealias: true,
      estimateError: false,
    });
    const other = normalFormKdv({ grid, dispersion: 0.1, time: 0.03 }, u.slice(0, 32), 1200);
    expect(relativeL2(other, u.subarray(32))).toBeLessThan(1e-7);
  }
});

test('the averaged closed form is within 2e-6 of the converged normal form at unit dispersion and t = 1', () => {
  const grid = periodicGrid([0, 1], 32);
  const { u: start } = solve({ equation: 'heat', domain: [0, 1], points: 32, initial, times: [0, 1] });
  const problem = { grid, dispersion: 1, time: 1 };
  const u0 = start.slice(0, 32);
  const reference = normalFormKdv(problem, u0, 4096);
  const averaged = averagedKdv(problem, u0);
  expect(relativeL2(averaged, reference)).toBeLessThan(2e-6);
  const linear = solve({
    equation: 'u_t = -u_xxx',
    domain: [0, 1],
    points: 32,
    initial: u0,
    times: [0, 1],
  }).u.subarray(32);
  expect(relativeL2(linear, reference)).toBeGreaterThan(1e-4);
});

test('weak dispersion, where the averaging does not hold, is refused', () => {
  const grid = periodicGrid([0, 1], 64);
  const u0 = grid.x.map((x) => 2 * Math.sin(2 * Math.PI * x));
  expect(() => averagedKdv({ grid, dispersion: 1e-3, time: 1 }, u0)).toThrow('too weak');
});
