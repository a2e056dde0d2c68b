/** Keeps vectors of a training away from subnormal numbers. */
import type { NDArray } from '../tensor/index.ts';
import type { Blocks } from './blocks.ts';
import { MOST_STEPS } from './programs.ts';
import { stateNames, type StateDefinition } from './step.ts';

/**
 * After as many steps of an epoch, and at its end, tiny values become zero: at the same steps however many run at once, and
 * seldom enough to cost nothing. With β₁ = 0.9 a moment falls to a millionth in between, still far from subnormal.
 */
export const FLUSH_EVERY = 4 * MOST_STEPS;

/**
 * The state with values below about 10⁻²⁷ set to zero. Its own arrays are left as they are.
 *
 * A parameter that no gradient reaches (the imaginary part of a real Fourier mode, a dead unit) is halved again and again
 * by weight decay until it is subnormal, and then slows every matrix product it enters: a Padé training ran 2.5 times
 * slower after a hundred epochs. Squares are left alone: their roots are compared with ε, which may be as small.
 */
export function flushTiny(
  definition: StateDefinition,
  state: readonly Blocks<NDArray>[],
): readonly Blocks<NDArray>[] {
  const names = stateNames(definition);
  const squares = definition.optimizer.squares ?? [];
  return state.map((vector, i) => (squares.includes(names[i]) ? vector : vector.map(flushed)));
}

/** Bits of 2⁻⁹⁰ as float32: of two numbers without sign the smaller has the smaller bits. */
const TINY_BITS = (127 - 90) << 23;
const MAGNITUDE = 0x7fffffff;

function flushed(block: NDArray): NDArray {
  const { data } = block;
  if (!(data instanceof Float32Array)) return block;
  const bits = bitsOf(data);
  const first = firstTiny(bits, 0);
  if (first === bits.length) return block;
  const clean = data.slice();
  const cleanBits = bitsOf(clean);
  for (let i = first; i < cleanBits.length; i = firstTiny(cleanBits, i)) cleanBits[i] = 0;
  return { ...block, data: clean };
}

const bitsOf = ({ buffer, byteOffset, length }: Float32Array): Int32Array =>
  new Int32Array(buffer, byteOffset, length);

/** The place of the next value from `from` on that is tiny and not zero, or the length: one comparison a value. */
function firstTiny(bits: Int32Array, from: number): number {
  // Zero wraps round to the largest number.
  for (let i = from; i < bits.length; i++) if (((bits[i] & MAGNITUDE) - 1) >>> 0 < TINY_BITS - 1) return i;
  return bits.length;
}
