/**
 * Counter-based random numbers: Threefry-2x32 with 20 rounds (Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as
 * easy as 1, 2, 3", SC 2011).
 *
 * Element i of a draw is a pure function of (key, i), so a draw may be cut into chunks, or be made on any number of
 * threads, without changing a bit: `normal(key, n)` is a prefix of `normal(key, m)` for m > n. Only integer arithmetic,
 * + − × ÷ and √ are used (no `Math.log`, whose last bit engines may choose), so every machine gives the same numbers.
 *
 * A key is used for one draw; take as many keys as there are draws from `split` or `foldIn`.
 */
export type Key = readonly [number, number];

/** Key of a seed, an integer from 0 to 2^53 − 1. Throws on anything else. */
export function key(seed: number): Key {
  return words(seed, 'seed');
}

/** n keys that are independent of each other, of `parent`, and of every number drawn with `parent`. */
export function split(parent: Key, n: number): Key[] {
  return Array.from({ length: checkedCount(n) }, (_, i) => block(parent, i, Stream.split));
}

/** The key of the pair (parent, n): names one draw of many, such as sample number n. n is an integer in 0 … 2^53 − 1. */
export function foldIn(parent: Key, n: number): Key {
  const [high, low] = words(n, 'n');
  return block(parent, low, Stream.foldIn | high);
}

/** n numbers uniform on [0, 1), multiples of 2^−53. */
export function uniform(key: Key, n: number): Float64Array {
  const draw = new Float64Array(checkedCount(n));
  for (let i = 0; i < draw.length; i++) {
    encrypt(key, i, Stream.draw);
    draw[i] = ((word0 >>> 5) * 0x4000000 + (word1 >>> 6)) * 2 ** -53;
  }
  return draw;
}

/** n standard normal numbers, by inversion of the distribution function (element i uses one counter only). */
export function normal(key: Key, n: number): Float64Array {
  const draw = new Float64Array(checkedCount(n));
  for (let i = 0; i < draw.length; i++) {
    encrypt(key, i, Stream.draw);
    // 52 bits and a half: strictly inside (0, 1) and symmetric about 1/2.
    draw[i] = normalQuantile(((word0 >>> 5) * 0x2000000 + (word1 >>> 7) + 0.5) * 2 ** -52);
  }
  return draw;
}

/** A permutation of 0 … n − 1, each of the n! equally likely (Fisher–Yates; bounded integers by rejection). */
export function permutation(key: Key, n: number): Int32Array {
  const order = new Int32Array(checkedCount(n)).map((_, i) => i);
  let counter = 0;
  for (let last = n - 1; last > 0; last--) {
    const bound = last + 1;
    const accepted = 2 ** 32 - (2 ** 32 % bound);
    do encrypt(key, counter++, Stream.permutation);
    while (word0 >= accepted);
    const chosen = word0 % bound;
    [order[last], order[chosen]] = [order[chosen], order[last]];
  }
  return order;
}

/**
 * One Threefry-2x32-20 block: key [k0, k1] and counter [c0, c1] to two 32-bit words. Agrees with the known-answer vectors
 * of Random123.
 */
export function threefry2x32(key: Key, counter: readonly [number, number]): [number, number] {
  encrypt(key, counter[0], counter[1]);
  return [word0, word1];
}

/** Second counter word: keeps keys, draws and permutations made from one key apart. */
const Stream = { draw: 0, permutation: 0x20000000, foldIn: 0x40000000, split: 0x80000000 } as const;

/** Output words of the last `encrypt`, unsigned; module-level so that drawing a number allocates nothing. */
let word0 = 0;
let word1 = 0;

const SKEIN_PARITY = 0x1bd11bda;

const rotated = (x: number, bits: number): number => (x << bits) | (x >>> (32 - bits));

function encrypt(key: Key, counter0: number, counter1: number): void {
  // What is injected after four rounds and what waits, in turns.
  let a = key[0] | 0;
  let b = key[1] | 0;
  let c = a ^ b ^ SKEIN_PARITY;
  let x0 = (counter0 + a) | 0;
  let x1 = (counter1 + b) | 0;
  for (let injection = 1; injection <= 5; injection++) {
    const odd = (injection & 1) === 1;
    x0 = (x0 + x1) | 0;
    x1 = rotated(x1, odd ? 13 : 17) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = rotated(x1, odd ? 15 : 29) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = rotated(x1, odd ? 26 : 16) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = rotated(x1, odd ? 6 : 24) ^ x0;
    x0 = (x0 + b) | 0;
    x1 = (x1 + c + injection) | 0;
    const next = a;
    a = b;
    b = c;
    c = next;
  }
  word0 = x0 >>> 0;
  word1 = x1 >>> 0;
}

function block(key: Key, counter0: number, counter1: number): Key {
  encrypt(key, counter0, counter1);
  return [word0, word1];
}

function words(n: number, name: string): Key {
  if (!Number.isSafeInteger(n) || n < 0) {
    throw new Error(`${name} must be an integer from 0 to 2^53 − 1, got ${n}`);
  }
  return [Math.floor(n / 2 ** 32), n >>> 0];
}

function checkedCount(n: number): number {
  if (!Number.isInteger(n) || n < 0 || n > 0x7fffffff) {
    throw new Error(`the count n of random numbers must be an integer from 0 to 2^31 − 1, got ${n}`);
  }
  return n;
}

/**
 * Quantile of the standard normal distribution, relative accuracy about 1e-16 (Wichura, Algorithm AS 241, PPND16, Applied
 * Statistics 37, 1988).
 */
function normalQuantile(p: number): number {
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q;
    return (q * horner(CENTRE_NUMERATOR, r)) / horner(CENTRE_DENOMINATOR, r);
  }
  const r = Math.sqrt(-logarithm(q < 0 ? p : 1 - p));
  const tail =
    r <= 5
      ? horner(MIDDLE_NUMERATOR, r - 1.6) / horner(MIDDLE_DENOMINATOR, r - 1.6)
      : horner(TAIL_NUMERATOR, r - 5) / horner(TAIL_DENOMINATOR, r - 5);
  return q < 0 ? -tail : tail;
}

/** 1/23, 1/21, … 1/3. */
const ODD_RECIPROCALS = Array.from({ length: 11 }, (_, i) => 1 / (23 - 2 * i));

/** Natural logarithm of a positive normal number to about one unit in the last place: m·2^e, then the series of artanh. */
function logarithm(x: number): number {
  let exponent = 0;
  let mantissa = x;
  while (mantissa < Math.SQRT1_2) {
    mantissa *= 2;
    exponent--;
  }
  const s = (mantissa - 1) / (mantissa + 1);
  const square = s * s;
  let series = 0;
  for (const reciprocal of ODD_RECIPROCALS) series = (series + reciprocal) * square;
  return exponent * Math.LN2 + 2 * s * (1 + series);
}

function horner(coefficients: readonly number[], x: number): number {
  let value = 0;
  for (let i = coefficients.length - 1; i >= 0; i--) value = value * x + coefficients[i];
  return value;
}

const CENTRE_NUMERATOR = [
  3.387132872796366608, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
  4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3,
];
const CENTRE_DENOMINATOR = [
  1, 4.2313330701600911252e1, 6.871870074920579083e2, 5.3941960214247511077e3, 2.1213794301586595867e4,
  3.930789580009271061e4, 2.8729085735721942674e4, 5.226495278852854561e3,
];
const MIDDLE_NUMERATOR = [
  1.42343711074968357734, 4.6303378461565452959, 5.7694972214606914055, 3.64784832476320460504,
  1.27045825245236838258, 2.4178072517745061177e-1, 2.27238449892691845833e-2, 7.7454501427834140764e-4,
];
const MIDDLE_DENOMINATOR = [
  1, 2.05319162663775882187, 1.6763848301838038494, 6.8976733498510000455e-1, 1.4810397642748007459e-1,
  1.51986665636164571966e-2, 5.475938084995344946e-4, 1.05075007164441684324e-9,
];
const TAIL_NUMERATOR = [
  6.6579046435011037772, 5.4637849111641143699, 1.7848265399172913358, 2.9656057182850489123e-1,
  2.6532189526576123093e-2, 1.2426609473880784386e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7,
];
const TAIL_DENOMINATOR = [
  1, 5.9983220655588793769e-1, 1.3692988092273580531e-1, 1.48753612908506148525e-2, 7.868691311456132591e-4,
  1.8463183175100546818e-5, 1.4215117583164458887e-7, 2.04426310338993978564e-15,
];
