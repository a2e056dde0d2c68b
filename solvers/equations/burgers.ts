import { z } from 'zod';
import { power, scale } from '../complex.ts';
import { equation } from '../equation.ts';
import * as field from '../field.ts';
import { mass } from '../invariants.ts';

/**
 * Viscous Burgers: u_t = −u u_x + ν u_xx.
 * Good values: ν = 0.1 on [−8, 8), N = 256, dt = 0.005. A front is about ν/amplitude wide: give it several grid points.
 */
export const burgers = equation({
  name: 'burgers',
  title: 'Burgers equation',
  pde: 'u_t = -u*u_x + viscosity*u_xx',
  parameters: z.strictObject({ viscosity: z.number().positive().default(0.1) }),
  linear:
    ({ viscosity }) =>
    (ik) =>
      scale(viscosity, power(ik, 2)),
  nonlinear: () => (u) => field.scale(-0.5, field.derivative(field.square(u))),
  invariants: () => ({ mass }),
  example: { domain: [-8, 8], points: 256, initial: '-sin(pi*x/8)', time: 10 },
});
