import { expect, test } from 'vitest';
import { relativeL2, solve } from '../../solvers/solve.ts';
import { coleHopf, observedOrder, soliton } from './references.ts';

test('KdV soliton (complex symbol): observed order of ETDRK4 is at least 3.8', () => {
  const exact = soliton(2, 1);
  const steps = [0.02, 0.01, 0.005];
  const errors = steps.map((step) => {
    const { x, u } = solve({
      equation: 'kdv',
      domain: [-20, 20],
      points: 256,
      initial: (s) => exact(s, 0),
      times: [0, 2],
      step,
      estimateError: false,
    });
    return relativeL2(
      u.subarray(256),
      x.map((s) => exact(s, 2)),
    );
  });
  expect(errors[2]).toBeLessThan(1e-5);
  expect(observedOrder(steps, errors)).toBeGreaterThan(3.8);
});

test('Burgers, Cole–Hopf (real symbol): observed order is at least 3.8', () => {
  const exact = coleHopf(0.1, [1, 0.4]);
  const steps = [0.1, 0.05, 0.025];
  const errors = steps.map((step) => {
    const { x, u } = solve({
      equation: 'burgers',
      parameters: { viscosity: 0.1 },
      domain: [0, 2 * Math.PI],
      points: 128,
      initial: (s) => exact(s, 0),
      times: [0, 2],
      step,
      estimateError: false,
    });
    return relativeL2(
      u.subarray(128),
      x.map((s) => exact(s, 2)),
    );
  });
  expect(errors[2]).toBeLessThan(1e-7);
  expect(observedOrder(steps, errors)).toBeGreaterThan(3.8);
});

test('Kuramoto–Sivashinsky against its own solution with an eighth of the step: observed order is at least 3.8', () => {
  const at = (step: number) =>
    solve({
      equation: 'kuramotoSivashinsky',
      domain: [0, 22],
      points: 64,
      initial: 'cos(2*pi*x/22)*(1+sin(2*pi*x/22))',
      times: [0, 10],
      step,
      estimateError: false,
    }).u.subarray(64);
  const steps = [0.02, 0.01, 0.005];
  const reference = at(0.005 / 8);
  const order = observedOrder(
    steps,
    steps.map((step) => relativeL2(at(step), reference)),
  );
  expect(order).toBeGreaterThan(3.8);
});

test('two KdV solitons pass through each other with the phase shift of the exact solution', () => {
  // Speeds 4 and 1 (δ = 1): the fast one gains ln((2+1)/(2−1))·2/√4, the slow one loses ln 3·2/√1.
  const start = (x: number) => soliton(4, 1, -25)(x, 0) + soliton(1, 1, -5)(x, 0);
  const { x, u } = solve({
    equation: 'kdv',
    domain: [-40, 40],
    points: 256,
    initial: start,
    times: [0, 11],
    step: 0.005,
  });
  const end = u.subarray(256);
  const expected = (s: number) =>
    soliton(4, 1, -25 + Math.log(3))(s, 11) + soliton(1, 1, -5 - 2 * Math.log(3))(s, 11);
  expect(relativeL2(end, x.map(expected))).toBeLessThan(2e-3);
});

test('invariants of KdV: mass to rounding, energy and Hamiltonian to the accuracy of the step', () => {
  const { invariants, errorEstimate } = solve({
    equation: 'kdv',
    domain: [-20, 20],
    points: 256,
    initial: '-sin(pi*x/20)',
    time: 10,
    step: 0.01,
  });
  expect(invariants['mass'].drift).toBeLessThan(1e-12);
  expect(invariants['energy'].drift / invariants['energy'].values[0]).toBeLessThan(1e-9);
  expect(invariants['hamiltonian'].drift).toBeLessThan(1e-8);
  expect(Math.max(...errorEstimate!)).toBeLessThan(1e-6);
});

test('the error estimate bounds the true error, and is within 40 times of it', () => {
  const exact = soliton(2, 1);
  const { x, t, u, errorEstimate } = solve({
    equation: 'kdv',
    domain: [-20, 20],
    points: 256,
    initial: (s) => exact(s, 0),
    times: [0, 1, 2],
    step: 0.005,
  });
  for (let i = 1; i < t.length; i++) {
    const error = relativeL2(
      u.subarray(i * 256, (i + 1) * 256),
      x.map((s) => exact(s, t[i])),
    );
    expect(errorEstimate![i]).toBeGreaterThan(error);
    expect(errorEstimate![i]).toBeLessThan(40 * error);
  }
});

test('a step chosen by tolerance meets it', () => {
  const exact = coleHopf(0.1, [1, 0.4]);
  const { x, u, step, notes } = solve({
    equation: 'burgers',
    domain: [0, 2 * Math.PI],
    points: 128,
    initial: (s) => exact(s, 0),
    times: [0, 1, 2],
    tolerance: 1e-8,
  });
  expect(step).not.toBeNull();
  expect(
    relativeL2(
      u.subarray(256),
      x.map((s) => exact(s, 2)),
    ),
  ).toBeLessThan(1e-8);
  expect(notes.join()).toContain('was chosen');
});
