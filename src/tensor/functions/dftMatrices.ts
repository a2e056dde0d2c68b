/** Constants of discrete Fourier transforms, in float64: roots of unity, DFT matrices in real block form, plans. */

/** e^(−2πi·r/n) for a whole number r, exact at multiples of n/4: the quadrant is taken off in whole numbers. */
export function unitRoot(r: number, n: number): [re: number, im: number] {
  const reduced = ((r % n) + n) % n;
  const quadrant = Math.floor((4 * reduced) / n);
  const angle = ((Math.PI / 2) * (4 * reduced - quadrant * n)) / n;
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  switch (quadrant) {
    case 0:
      return [c, -s];
    case 1:
      return [-s, -c];
    case 2:
      return [-c, s];
    default:
      return [s, c];
  }
}

/** a·b mod n without rounding, for |a|, |b| far above n. */
const productMod = (a: number, b: number, n: number): number => ((a % n) * (b % n)) % n;

/**
 * The real matrix of a complex one: rows (part of the output, k) or (k, part), columns (part of the input, j). A real
 * input has only the first half of the columns.
 */
export interface BlockOptions {
  readonly rows: number;
  readonly columns: number;
  readonly realInput: boolean;
  /** Rows ordered by k first and by re/im within it. */
  readonly interleaveRows?: boolean;
  /** Columns ordered by j first and by re/im within it. */
  readonly interleaveColumns?: boolean;
  readonly scale?: number;
}

export function blockMatrix(
  root: (k: number, j: number) => readonly [number, number],
  options: BlockOptions,
): Float64Array {
  const { rows, columns, realInput, interleaveRows = false, interleaveColumns = false, scale = 1 } = options;
  const width = realInput ? columns : 2 * columns;
  const out = new Float64Array(2 * rows * width);
  for (let k = 0; k < rows; k++) {
    const [reRow, imRow] = interleaveRows ? [2 * k, 2 * k + 1] : [k, rows + k];
    for (let j = 0; j < columns; j++) {
      const [c, s] = root(k, j);
      const [re, im] = interleaveColumns && !realInput ? [2 * j, 2 * j + 1] : [j, columns + j];
      out[reRow * width + re] = scale * c;
      out[imRow * width + re] = scale * s;
      if (realInput) continue;
      out[reRow * width + im] = -scale * s;
      out[imRow * width + im] = scale * c;
    }
  }
  return out;
}

/** A block matrix with its rows (part, k) as [part, column, k]: factors on the right, one for each part of the output. */
export function rightFactors(block: Float64Array, rows: number): Float64Array {
  const width = block.length / (2 * rows);
  const out = new Float64Array(block.length);
  for (let part = 0; part < 2; part++)
    for (let k = 0; k < rows; k++)
      for (let column = 0; column < width; column++)
        out[(part * width + column) * rows + k] = block[(part * rows + k) * width + column];
  return out;
}

/** Exponents count from `from` in the input and `to` in the output: Σ_j x_j ω^((j − from)(k − to)). */
export interface Origins {
  readonly from: number;
  readonly to: number;
}

/** Root of a transform of length n with moved origins. */
export const shiftedRoot =
  (n: number, { from, to }: Origins) =>
  (k: number, j: number): [number, number] =>
    unitRoot(productMod(j - from, k - to, n), n);

// ── plans ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** How a length is transformed: one dense product, a split n = first · rest, or Bluestein's convolution. */
export type Plan =
  | { readonly kind: 'dense' }
  | { readonly kind: 'split'; readonly first: number; readonly rest: number }
  | { readonly kind: 'chirp'; readonly length: number };

const DENSE_LIMIT = 512;
/** Cost of a stage that does not depend on its length (moving the data), in multiply-adds for each value. */
export const STAGE = 32;
/** Cost of twiddle factors as a step of their own, where the rest of a split is not one dense product. */
const TWIDDLE = 64;
/** Matrices of a second stage that hold the twiddle factors may have this many entries. */
export const MERGE_LIMIT = 1 << 22;

const plans = new Map<number, { plan: Plan; cost: number }>();

export const planOf = (n: number): Plan => costed(n).plan;
export const costOf = (n: number): number => costed(n).cost;

function costed(n: number): { plan: Plan; cost: number } {
  const known = plans.get(n);
  if (known) return known;
  let best: { plan: Plan; cost: number } =
    n <= DENSE_LIMIT
      ? { plan: { kind: 'dense' }, cost: n + STAGE }
      : { plan: { kind: 'chirp', length: chirpLength(n) }, cost: Infinity };
  for (let first = 2; first * first <= n; first++) {
    if (n % first !== 0) continue;
    const rest = n / first;
    // The first stage is a dense product, so its length must be small; what is left may split again.
    for (const [a, b] of first === rest
      ? [[first, rest]]
      : [
          [first, rest],
          [rest, first],
        ]) {
      if (a > DENSE_LIMIT) continue;
      const cost = a + STAGE + costOf(b) + (planOf(b).kind === 'dense' ? 0 : TWIDDLE);
      if (cost < best.cost) best = { plan: { kind: 'split', first: a, rest: b }, cost };
    }
  }
  if (best.plan.kind === 'chirp') best = { ...best, cost: 4 * costOf(best.plan.length) };
  plans.set(n, best);
  return best;
}

/** The power of two that holds a linear convolution of 2n − 1 values. */
const chirpLength = (n: number): number => 2 ** Math.ceil(Math.log2(2 * n - 1));

/** DFT of a host array of complex numbers, of a power of two, in place: the chirp's spectrum is computed with it. */
export function hostTransform(re: Float64Array, im: Float64Array): void {
  const n = re.length;
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [re[i], re[j]] = [re[j], re[i]];
      [im[i], im[j]] = [im[j], im[i]];
    }
  }
  for (let size = 2; size <= n; size *= 2) {
    const half = size / 2;
    for (let k = 0; k < half; k++) {
      const [c, s] = unitRoot(k, size);
      for (let at = k; at < n; at += size) {
        const [a, b] = [re[at + half], im[at + half]];
        const [x, y] = [a * c - b * s, a * s + b * c];
        re[at + half] = re[at] - x;
        im[at + half] = im[at] - y;
        re[at] += x;
        im[at] += y;
      }
    }
  }
}
