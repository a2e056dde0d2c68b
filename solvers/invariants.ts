/** Integrals that several equations conserve. */
import { integral, square, type Field } from './field.ts';

/** ∫u dx. */
export const mass = (u: Field): number => integral(u);

/** ½∫u² dx. */
export const energy = (u: Field): number => 0.5 * integral(square(u));
