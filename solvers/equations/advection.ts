import { z } from 'zod';
import { scale } from '../complex.ts';
import { equation } from '../equation.ts';
import { energy, mass } from '../invariants.ts';

/**
 * Advection: u_t = −c u_x. The profile moves with speed c and keeps its shape.
 * Good values: c = 1 on [0, 1), T = 1: back where it started.
 */
export const advection = equation({
  name: 'advection',
  title: 'Advection equation',
  pde: 'u_t = -speed*u_x',
  parameters: z.strictObject({ speed: z.number().default(1) }),
  linear:
    ({ speed }) =>
    (ik) =>
      scale(-speed, ik),
  invariants: () => ({ mass, energy }),
  example: { domain: [0, 1], points: 128, initial: 'exp(-100*(x-0.5)^2)', time: 1 },
});
