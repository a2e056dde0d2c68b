import { describe, expect, test } from 'vitest';
import { complex, exp, scale } from '../../solvers/complex.ts';
import { etdrk4 } from '../../solvers/etdrk4.ts';
import { periodicGrid } from '../../solvers/grid.ts';
import { BlowUpError } from '../../solvers/integrate.ts';
import { equations, findEquation } from '../../solvers/registry.ts';
import { relativeL2, solve } from '../../solvers/solve.ts';

describe.each(equations())('$name', (equation) => {
  const bound = equation.bind();
  const { domain, initial } = equation.example;

  test.each([32, 33])(
    'ETDRK4 without its non-linear part is exact on %i points: each mode is multiplied by e^{tL(iκ)}',
    (points) => {
      const length = domain[1] - domain[0];
      const k = 3;
      const kappa = (2 * Math.PI * k) / length;
      const expected = exp(scale(0.7, bound.symbol(complex(0, kappa))));
      const grid = periodicGrid(domain, points);
      const linear = {
        symbol: grid.multiplier(bound.symbol),
        nonlinear: (v: Float64Array) => new Float64Array(v.length),
      };
      let v = grid.transform.forward(grid.x.map((x) => Math.cos(kappa * (x - domain[0]))));
      const stepper = etdrk4(linear, 0.1);
      for (let i = 0; i < 7; i++) v = stepper.step(v);
      const end = grid.transform.inverse(v);
      // cos κx becomes Re(e^{tL}e^{iκx}).
      const exact = grid.x.map((x) => {
        const angle = kappa * (x - domain[0]);
        return expected.re * Math.cos(angle) - expected.im * Math.sin(angle);
      });
      expect(relativeL2(end, exact)).toBeLessThan(1e-12);
    },
  );

  test('its example runs for a moment, conserves mass, and its text gives the same numbers', () => {
    const options = { domain, points: 64, initial, times: [0, 0.01], step: 0.005 };
    const built = solve({ ...options, equation: equation.name });
    expect(built.invariants['mass'].drift).toBeLessThan(1e-11);
    const text = solve({ ...options, equation: equation.pde, parameters: bound.parameters });
    expect(text.u).toEqual(built.u);
  });

  test('an unknown parameter is refused by name', () => {
    expect(() => equation.bind({ colour: 1 })).toThrow(/colour/);
  });
});

test('linear equations are solved exactly at any time: advection returns after one period', () => {
  const { u, step, errorEstimate } = solve({
    equation: 'advection',
    domain: [0, 1],
    points: 63,
    initial: 'exp(sin(2*pi*x))',
    times: [0, 0.37, 1],
  });
  expect(step).toBeNull();
  expect([...errorEstimate!]).toEqual([0, 0, 0]);
  expect(relativeL2(u.subarray(126), u.subarray(0, 63))).toBeLessThan(1e-13);
});

test('2/3 dealiasing changes nothing that is resolved', () => {
  const resolved = {
    equation: 'burgers',
    domain: [-8, 8] as const,
    points: 256,
    initial: '-sin(pi*x/8)',
    times: [0, 2],
    step: 0.01,
  };
  const plain = solve(resolved).u;
  expect(relativeL2(solve({ ...resolved, dealias: true }).u, plain)).toBeLessThan(1e-9);
});

describe('refused, with the reason', () => {
  const good = {
    equation: 'burgers',
    domain: [0, 1] as const,
    points: 16,
    initial: 'sin(2*pi*x)',
    time: 1,
    step: 0.1,
  };
  test.each([
    [
      'unknown equation',
      { equation: 'wave' },
      'no equation is called "wave"; there are advection, burgers, heat',
    ],
    ['bad parameter', { parameters: { viscosity: -1 } }, 'viscosity'],
    [
      'step that does not divide',
      { step: 0.3 },
      'nearest steps that do are 0.3333333333 (3 to an interval of 1) and 0.25 (4',
    ],
    ['negative step', { step: -1 }, 'step must be a positive number, got -1'],
    ['empty domain', { domain: [1, 1] as const }, 'domain must be two finite numbers in increasing order'],
    ['one point', { points: 1 }, 'points must be a whole number from 2'],
    ['no time', { time: undefined }, 'give either times'],
    ['zero time', { time: 0 }, 'time must be a positive number'],
    ['times out of order', { time: undefined, times: [0, 2, 1] }, 'increasing order'],
    ['wrong number of values', { initial: [1, 2, 3] }, 'initial has 3 values, the grid has 16 points'],
    ['infinite initial condition', { initial: '1/x' }, 'must be finite everywhere'],
    ['tolerance zero', { step: undefined, tolerance: 0 }, 'tolerance must be a positive number'],
    ['a tolerance below rounding', { step: undefined, tolerance: 1e-40 }, 'tolerance must be at least 1e-14'],
    [
      'more steps than a day holds',
      { step: 1e-12 },
      'step 1e-12 means 1000000000000 steps of 16 points, 2100 hours or more (at most about 9.2)',
    ],
    [
      'more values than memory holds',
      { points: 2 ** 22, step: undefined },
      'points 4194304 at 101 saved times are 3.4 GB (at most 0.54): take at most 664444 points',
    ],
    [
      'saved times with only a tiny step in common',
      { time: undefined, times: [0, 1e-6, 1.1], step: undefined },
      'no longer step in common than 0.000001: 1100000 steps, too many to halve it',
    ],
    ['no estimate and no step', { step: undefined, estimateError: false }, 'needs a step'],
  ])('%s', (_, change, message) => {
    expect(() => solve({ ...good, ...change })).toThrow(message);
  });

  test('incommensurable saved times', () => {
    expect(() => solve({ ...good, time: undefined, step: undefined, times: [0, 1, 1 + Math.PI] })).toThrow(
      'no common step',
    );
  });
});

test('an odd number of steps between saved times is doubled, and the solution says so', () => {
  const { step, notes } = solve({
    equation: 'burgers',
    domain: [0, 1],
    points: 16,
    initial: 'sin(2*pi*x)',
    times: [0, 0.3],
    step: 0.1,
  });
  expect(step).toBe(0.05);
  expect(notes.join()).toContain('was halved');
});

test('progress tells each run from its first step to its last', () => {
  const told: string[] = [];
  solve({
    equation: 'burgers',
    domain: [0, 1],
    points: 16,
    initial: 'sin(2*pi*x)',
    times: [0, 0.1, 0.2],
    step: 0.05,
    onProgress: ({ step, done, total }) => told.push(`${step}: ${done}/${total}`),
  });
  expect(told).toEqual([
    ...[0, 1, 2, 3, 4].map((done) => `0.05: ${done}/4`),
    '0.1: 0/2',
    '0.1: 1/2',
    '0.1: 2/2',
  ]);
});

test('blow-up is an error that tells the time: u_t = u² from 1 is infinite at t = 1', () => {
  const run = () =>
    solve({ equation: 'u_t = u^2', domain: [0, 1], points: 4, initial: '1', time: 2, step: 0.001 });
  expect(run).toThrow(BlowUpError);
  try {
    run();
  } catch (error) {
    expect((error as BlowUpError).time).toBeGreaterThan(0.99);
    expect((error as BlowUpError).time).toBeLessThan(1.05);
    expect((error as Error).message).toContain('take a smaller step');
  }
});

test.each([
  [
    'a solution that blows up',
    { equation: 'u_t = u^2', points: 4, initial: '1', times: [0, 2] },
    'blows up near t = 1, whatever the step',
  ],
  [
    'a tolerance that rounding keeps it from',
    {
      equation: 'u_t = -u*u_x + 0.05*u_xx',
      points: 32,
      initial: 'sin(2*pi*x)',
      times: [0, 1],
      tolerance: 1e-14,
    },
    'and shorter steps do not lower it',
  ],
])('choosing the step gives up soon on %s', (_, options, message) => {
  let most = 0;
  const run = () =>
    solve({ ...options, domain: [0, 1], onProgress: ({ total }) => (most = Math.max(most, total)) });
  expect(run).toThrow(message);
  expect(most).toBeLessThan(2 ** 17);
});

test('an exact linear solution that leaves the range of double precision is an error too, not NaN', () => {
  const growth = { equation: 'u_t = 5*u', domain: [0, 1], points: 8, initial: '1' } as const;
  expect(() => solve({ ...growth, time: 1000 })).toThrow(BlowUpError);
  expect(() => solve({ ...growth, time: 1000 })).toThrow('before t = 150: take a shorter time');
  const { u } = solve({ ...growth, times: [0, 140] });
  expect(u[8] / Math.exp(700)).toBeCloseTo(1, 10);
});

test('an overflow of the last step that has reached one mode only is not written as a solution', () => {
  const run = () =>
    solve({
      // The first mode grows like e^400t, the mean not at all.
      equation: 'u_t = -500*u_xx - 100*u_xxxx + sin(u)',
      domain: [0, 2 * Math.PI],
      points: 8,
      initial: 'cos(x)',
      times: [0, 2],
      step: 1,
      estimateError: false,
    });
  expect(run).toThrow(BlowUpError);
});

test('a profile that does not close up, and one that the grid does not resolve, are noted', () => {
  const open = solve({
    equation: 'burgers',
    domain: [0, 1],
    points: 32,
    initial: 'x',
    time: 0.01,
    step: 0.0005,
  });
  expect(open.notes.join()).toContain('jumps');
  const steep = solve({
    equation: 'u_t = -u*u_x + 0.001*u_xx',
    domain: [0, 1],
    points: 32,
    initial: 'sin(2*pi*x)',
    times: [0, 0.25],
    step: 0.0025,
  });
  expect(steep.notes.join()).toContain('may not resolve');
});

test('time alone saves about a hundred frames that include both ends, whatever the step', () => {
  for (const step of [undefined, 0.01, 1 / 251, 1 / 1000]) {
    const { t, u } = solve({
      equation: 'burgers',
      domain: [0, 1],
      points: 8,
      initial: 'sin(2*pi*x)',
      time: 1,
      step,
    });
    expect(t[0]).toBe(0);
    expect(t[t.length - 1]).toBe(1);
    expect(u.length).toBe(8 * t.length);
    expect(t.length).toBeGreaterThan(40);
    expect(t.length).toBeLessThanOrEqual(101);
  }
});

test('findEquation lists the names there are', () => {
  expect(() => findEquation('KdV')).toThrow('kdv');
});
