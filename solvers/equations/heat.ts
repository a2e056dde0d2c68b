import { z } from 'zod';
import { power, scale } from '../complex.ts';
import { equation } from '../equation.ts';
import { mass } from '../invariants.ts';

/**
 * Heat: u_t = α u_xx. Every mode decays as e^{−ακ²t}.
 * Good values: α = 0.01 on [0, 1), any initial condition.
 */
export const heat = equation({
  name: 'heat',
  title: 'Heat equation',
  pde: 'u_t = diffusivity*u_xx',
  parameters: z.strictObject({ diffusivity: z.number().positive().default(0.01) }),
  linear:
    ({ diffusivity }) =>
    (ik) =>
      scale(diffusivity, power(ik, 2)),
  invariants: () => ({ mass }),
  example: { domain: [0, 1], points: 128, initial: 'exp(-100*(x-0.5)^2)', time: 1 },
});
