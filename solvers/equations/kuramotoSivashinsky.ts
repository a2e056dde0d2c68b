import { z } from 'zod';
import { add, power, scale } from '../complex.ts';
import { equation } from '../equation.ts';
import * as field from '../field.ts';
import { mass } from '../invariants.ts';

/**
 * Kuramoto–Sivashinsky: u_t = −u u_x − u_xx − ν u_xxxx. Long waves grow, short ones decay; chaotic on long intervals.
 * Good values: ν = 1 on [0, 22) (few modes) to [0, 32π) (chaos), 8 points a unit length at most, dt = 0.025.
 */
export const kuramotoSivashinsky = equation({
  name: 'kuramotoSivashinsky',
  title: 'Kuramoto–Sivashinsky equation',
  pde: 'u_t = -u*u_x - u_xx - viscosity*u_xxxx',
  parameters: z.strictObject({ viscosity: z.number().positive().default(1) }),
  linear:
    ({ viscosity }) =>
    (ik) =>
      add(scale(-1, power(ik, 2)), scale(-viscosity, power(ik, 4))),
  nonlinear: () => (u) => field.scale(-0.5, field.derivative(field.square(u))),
  invariants: () => ({ mass }),
  example: { domain: [0, 32 * Math.PI], points: 256, initial: 'cos(x/16)*(1+sin(x/16))', time: 50 },
});
