/** Keeps vectors of a training away from subnormal numbers. */
import { add, sub, type Tensor } from '../../tensor/index.ts';

/**
 * x with values below about 10⁻²⁷ set to zero and all others unchanged in float32: the sum with 10⁻²⁰ rounds to multiples of
 * 2⁻⁹⁰, or to x itself.
 *
 * A parameter that no gradient reaches (the imaginary part of a real Fourier mode, a dead unit) is halved again and again
 * by weight decay until it is subnormal, and then slows every matrix product it enters: a Padé training ran 2.5 times
 * slower after a hundred epochs.
 */
export const flushTiny = (x: Tensor): Tensor => sub(add(x, SHIFT), SHIFT);

const SHIFT = 1e-20;
