import { z } from 'zod';
import { power, scale } from '../complex.ts';
import { equation } from '../equation.ts';
import * as field from '../field.ts';
import { energy, mass } from '../invariants.ts';

/**
 * Korteweg–de Vries: u_t = −u u_x − δ u_xxx, δ the coefficient of dispersion.
 * Good values: δ = 1 on [−20, 20), N = 512, dt = 2e-3; soliton 3c sech²(½√(c/δ)(x − ct)).
 * With δ = 1 on a unit interval, phases turn faster than any practical step resolves: see `averagedKdv` (kdvAveraging.ts).
 */
export const kdv = equation({
  name: 'kdv',
  title: 'Korteweg–de Vries equation',
  pde: 'u_t = -u*u_x - dispersion*u_xxx',
  parameters: z.strictObject({ dispersion: z.number().positive().default(1) }),
  linear:
    ({ dispersion }) =>
    (ik) =>
      scale(-dispersion, power(ik, 3)),
  nonlinear: () => (u) => field.scale(-0.5, field.derivative(field.square(u))),
  invariants: ({ dispersion }) => ({
    mass,
    energy,
    /** ∫(u³/6 − δu_x²/2) dx. */
    hamiltonian: (u) =>
      field.integral(field.powerOf(u, 3)) / 6 -
      (dispersion / 2) * field.integral(field.square(field.derivative(u))),
  }),
  example: { domain: [-20, 20], points: 256, initial: '-sin(pi*x/20)', time: 10 },
});
