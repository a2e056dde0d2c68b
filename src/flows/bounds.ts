/**
 * What no flow with given Lipschitz constants can do (Verine, Negrevergne, Chevaleyre & Rossi 2022). Let F map data to latent, with
 * Lip(F) ≤ L₁ and Lip(F⁻¹) ≤ L₂, and the base be N(0, I_d). Then for every ball B_R(x₀), with P(a, x) the regularised lower incomplete
 * gamma function,
 *
 *   dense:   TV ≥ P*(B_R(x₀)) − P(d/2, L₁² R² / 2)      the flow cannot put enough mass into a small ball,
 *   sparse:  TV ≥ P(d/2, R² / (2 L₂²)) − P*(B_R(F⁻¹(0)))   nor keep it out of a hole,
 *
 * where TV is the total variation between the data P* and the flow. Bounds hold only as far as the constants do: an upper bound of Lip
 * gives a certified one, the largest Jacobian among samples a heuristic.
 */
import { logGamma } from './bases/independent.ts';

/**
 * P(a, x) = γ(a, x) / Γ(a) for a > 0, x ≥ 0: by its series below x = a + 1, by the continued fraction of Q = 1 − P above (Abramowitz &
 * Stegun 1964, 6.5.29 and 6.5.31). Relative error about 1e-14.
 */
export function regularizedGamma(a: number, x: number): number {
  if (!(a > 0) || !(x >= 0))
    throw new Error(`regularizedGamma: a = ${a}, x = ${x}; expected a > 0 and x ≥ 0`);
  if (x === 0) return 0;
  if (x === Infinity) return 1;
  const front = Math.exp(a * Math.log(x) - x - logGamma(a));
  if (x < a + 1) {
    let term = 1 / a;
    let sum = term;
    for (let n = 1; Math.abs(term) > 1e-17 * sum; n++) {
      term *= x / (a + n);
      sum += term;
    }
    return front * sum;
  }
  // Lentz's method.
  const tiny = 1e-300;
  let b = x + 1 - a;
  let c = 1 / tiny;
  let d = 1 / b;
  let fraction = d;
  for (let i = 1; i < 10_000; i++) {
    const numerator = -i * (i - a);
    b += 2;
    d = 1 / (numerator * d + b || tiny);
    c = b + numerator / c || tiny;
    const factor = d * c;
    fraction *= factor;
    if (Math.abs(factor - 1) < 1e-16) break;
  }
  return 1 - front * fraction;
}

/** Mass of N(0, I_d) within distance r of the origin. */
export const gaussianBall = (d: number, r: number): number => regularizedGamma(d / 2, (r * r) / 2);

/** A ball of data in d dimensions, its mass, and a constant of the flow. */
export interface MeasuredBall {
  readonly d: number;
  readonly radius: number;
  readonly lipschitz: number;
  readonly mass: number;
}

/**
 * The dense bound of one ball: at most what it is worth, and 0. `mass` is P*(B_R(x₀)), or a lower bound of it; `lipschitz` is
 * L₁ ≥ Lip(F).
 */
export const denseBound = ({ d, radius, lipschitz, mass }: MeasuredBall): number =>
  Math.max(0, mass - gaussianBall(d, lipschitz * radius));

/**
 * The sparse bound of one ball about F⁻¹(0). `mass` is P*(B_R(F⁻¹(0))), or an upper bound of it; `lipschitz` is L₂ ≥ Lip(F⁻¹).
 */
export const sparseBound = ({ d, radius, lipschitz, mass }: MeasuredBall): number =>
  Math.max(0, gaussianBall(d, radius / lipschitz) - mass);

/**
 * The dense bound for the target N(μ, σ² I_d) at its best radius, R² = d ln(1 / (σL)²) / (1/σ² − L²); 0 where L ≥ 1/σ, for then the
 * target is within reach.
 */
export function gaussianDenseBound({
  d,
  sigma,
  lipschitz,
}: {
  readonly d: number;
  readonly sigma: number;
  readonly lipschitz: number;
}): { radius: number; bound: number } {
  if (lipschitz * sigma >= 1) return { radius: 0, bound: 0 };
  const radius = Math.sqrt((d * Math.log(1 / (sigma * lipschitz) ** 2)) / (1 / sigma ** 2 - lipschitz ** 2));
  return { radius, bound: denseBound({ d, radius, lipschitz, mass: gaussianBall(d, radius / sigma) }) };
}

export interface BestBall {
  readonly bound: number;
  readonly radius: number;
  /** The row of the samples that is the ball's centre; −1 for a centre that was given. */
  readonly centre: number;
}

/**
 * Half-width of the interval in which the mass of every ball about a fixed centre lies with probability 1 − δ, from n samples
 * (Dvoretzky, Kiefer & Wolfowitz 1956; Massart 1990, one side): √(ln(1/δ) / 2n). With `centres` tried at once, δ is divided by them.
 */
export const massSlack = (n: number, { centres = 1, delta = 0.01 } = {}): number =>
  Math.sqrt(Math.log(centres / delta) / (2 * n));

/** So many centres are tried, and so many radii of each. */
const CENTRES = 64;
const RADII = 200;

interface Ball {
  readonly centre: number;
  readonly radius: number;
  /** What it holds at least, with 99 % probability for all balls together. */
  readonly mass: number;
}

/** Balls about samples: the mass of each is the share of the other samples in it less `massSlack`. */
function ballsAbout(rows: Float64Array, d: number): Ball[] {
  const n = rows.length / d;
  const centres = Math.min(CENTRES, n);
  const slack = massSlack(n - 1, { centres });
  const every = Math.max(1, Math.floor(n / RADII));
  const balls: Ball[] = [];
  for (let i = 0; i < centres; i++) {
    const centre = Math.floor((i * n) / centres);
    const distances = distancesTo(rows, d, rows.subarray(centre * d, (centre + 1) * d)).sort();
    // The first of them is the centre itself.
    for (let k = every; k < n; k += every) {
      const mass = k / (n - 1) - slack;
      if (mass > 0) balls.push({ centre, radius: distances[k], mass });
    }
  }
  return balls;
}

const bestOf = (balls: readonly Ball[], d: number, lipschitz: number): BestBall =>
  balls.reduce<BestBall>(
    (best, { centre, radius, mass }) => {
      // A ball cannot be worth more than its mass.
      if (mass <= best.bound) return best;
      const bound = denseBound({ d, radius, lipschitz, mass });
      return bound > best.bound ? { bound, radius, centre } : best;
    },
    { bound: 0, radius: 0, centre: -1 },
  );

/**
 * The largest dense bound over balls about samples `[n, d]` row by row. It holds with probability 99 % over the samples.
 */
export const bestDenseBound = (rows: Float64Array, d: number, lipschitz: number): BestBall =>
  bestOf(ballsAbout(rows, d), d, lipschitz);

/** The largest sparse bound over balls about F⁻¹(0) `[d]`; the mass of a ball is the share of the samples in it plus `massSlack`. */
export function bestSparseBound(
  rows: Float64Array,
  d: number,
  lipschitz: number,
  origin: ArrayLike<number>,
): BestBall {
  const n = rows.length / d;
  const slack = massSlack(n);
  const distances = distancesTo(rows, d, origin).sort();
  let best: BestBall = { bound: 0, radius: 0, centre: -1 };
  for (let k = 0; k < n; k++) {
    // Just inside of sample k there are k samples.
    const bound = sparseBound({ d, radius: distances[k], lipschitz, mass: k / n + slack });
    if (bound > best.bound) best = { bound, radius: distances[k], centre: -1 };
  }
  return best;
}

function distancesTo(rows: Float64Array, d: number, centre: ArrayLike<number>): Float64Array {
  return Float64Array.from({ length: rows.length / d }, (_, i) => {
    let sum = 0;
    for (let j = 0; j < d; j++) sum += (rows[i * d + j] - centre[j]) ** 2;
    return Math.sqrt(sum);
  });
}

/** Least Lip(F) with which the dense bound of the samples is below a level: by bisection of the logarithm, within 1 %. */
export function requiredLipschitz(rows: Float64Array, d: number, level = 0.01): number {
  const balls = ballsAbout(rows, d);
  let [low, high] = [1e-2, 1e6];
  if (bestOf(balls, d, low).bound <= level) return 0;
  while (high / low > 1.01) {
    const middle = Math.sqrt(low * high);
    if (bestOf(balls, d, middle).bound > level) low = middle;
    else high = middle;
  }
  return high;
}
