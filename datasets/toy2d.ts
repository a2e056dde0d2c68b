/**
 * Point sets in the plane with known densities: what a density model is tested on. Every set is a mixture of simple parts, so its log
 * density is exact up to quadrature at rounding error, and so is its entropy: the least mean −log p that any model can reach on
 * held-out samples.
 *
 * Moons, circles and blobs are those of scikit-learn (`make_moons`, `make_circles`, `make_blobs`); the other sets are pictures that
 * the literature draws in many variants, and the parameters here are ours.
 */
import { key as seedKey, normal, split, uniform } from '../src/tensor/random.ts';

/** A set of points in the plane. */
export interface PlaneSet {
  readonly name: string;
  readonly title: string;
  /** n samples, `[n, 2]` row by row; sample i is the same for every n. */
  sample(seed: number, n: number): Float64Array;
  /** log density of points `[n, 2]`: `[n]`, nats; −∞ where the density is 0. */
  logDensity(points: ArrayLike<number>): Float64Array;
  /** −∫ p log p, nats. */
  entropy(): number;
  /** The rectangle that the set is pictured in. */
  readonly picture: Box;
}

export interface Box {
  readonly x: readonly [number, number];
  readonly y: readonly [number, number];
}

type Point = readonly [number, number];

/** What a set is made of. */
interface Recipe {
  readonly title: string;
  readonly picture: Box;
  /** All but a negligible part of the mass lies in it. */
  readonly box: Box;
  /** A sample from four uniform numbers on [0, 1) and two normal ones. */
  readonly point: (u: readonly number[], z: readonly number[]) => Point;
  readonly logDensity: (x: number, y: number) => number;
  /** The shortest length over which the density changes; the entropy is integrated in steps of half of it. */
  readonly scale: number;
  /** The entropy where it has a closed form. */
  readonly entropy?: number;
}

/** Random numbers of a sample. */
const UNIFORMS = 2;
const NORMALS = 2;

function planeSet(name: string, recipe: Recipe): PlaneSet {
  let entropy = recipe.entropy;
  return {
    name,
    title: recipe.title,
    picture: recipe.picture,
    sample(seed, n) {
      const [uniformKey, normalKey] = split(seedKey(seed), 2);
      const u = uniform(uniformKey, UNIFORMS * n);
      const z = normal(normalKey, NORMALS * n);
      const points = new Float64Array(2 * n);
      for (let i = 0; i < n; i++) {
        const own = (values: Float64Array, count: number) =>
          Array.from(values.subarray(i * count, (i + 1) * count));
        points.set(recipe.point(own(u, UNIFORMS), own(z, NORMALS)), 2 * i);
      }
      return points;
    },
    logDensity: (points) =>
      Float64Array.from({ length: points.length / 2 }, (_, i) =>
        recipe.logDensity(points[2 * i], points[2 * i + 1]),
      ),
    entropy: () => (entropy ??= integrateEntropy(recipe)),
  };
}

/**
 * −∫ p log p by the trapezoidal rule. For smooth p that vanishes at the edges of the box the rule converges faster than any power of
 * the step; a density made of Gaussians of width σ is integrated to rounding error in steps of σ / 2.
 */
function integrateEntropy({ box: { x, y }, logDensity, scale }: Recipe): number {
  const step = scale / 2;
  let total = 0;
  for (let a = x[0]; a <= x[1]; a += step)
    for (let b = y[0]; b <= y[1]; b += step) {
      const log = logDensity(a, b);
      if (log > -700) total -= log * Math.exp(log);
    }
  return total * step * step;
}

/** Densities of independent normal numbers with deviation σ: log of the sum of w_k exp(−d_k² / 2σ²). */
function logSumOfKernels(
  nodes: Float64Array,
  logWeights: Float64Array,
  sigma: number,
): (x: number, y: number) => number {
  const n = logWeights.length;
  const exponents = new Float64Array(n);
  const factor = -0.5 / (sigma * sigma);
  const constant = -Math.log(2 * Math.PI * sigma * sigma);
  return (x, y) => {
    let largest = -Infinity;
    for (let k = 0; k < n; k++) {
      const dx = x - nodes[2 * k];
      const dy = y - nodes[2 * k + 1];
      const exponent = logWeights[k] + factor * (dx * dx + dy * dy);
      exponents[k] = exponent;
      if (exponent > largest) largest = exponent;
    }
    let sum = 0;
    for (let k = 0; k < n; k++) {
      const below = exponents[k] - largest;
      // Below e^−40 of the largest a term is under rounding error of the sum.
      if (below > -40) sum += Math.exp(below);
    }
    return constant + largest + Math.log(sum);
  };
}

/** Nodes on [−1, 1] and weights of the Gauss–Legendre rule of 8 points (Abramowitz & Stegun 1964, table 25.4). */
const gaussLegendre = [
  [0.1834346424956498, 0.362683783378362],
  [0.525532409916329, 0.3137066458778873],
  [0.7966664774136267, 0.2223810344533745],
  [0.9602898564975363, 0.1012285362903763],
].flatMap(([node, weight]) => [
  [node, weight],
  [-node, weight],
]);

/** A curve in the plane, and how densely it is visited. */
interface Arm {
  /** Position at s in [0, 1]. */
  readonly at: (s: number) => Point;
  /** Density of s; default 1. */
  readonly weight?: (s: number) => number;
  /** s as a function of a uniform number; default itself. */
  readonly quantile?: (u: number) => number;
  readonly length: number;
}

/**
 * Points on curves, all arms equally likely, with Gaussian noise: the density is an integral along the curve, taken by Gauss–Legendre
 * rules of 8 points on pieces at most 1.5 σ long. Without noise there is no density in the plane.
 *
 * @throws unless the noise is a finite number above 0.
 */
function noisyCurves(title: string, arms: readonly Arm[], noise: number, around: Box): Recipe {
  if (!(noise > 0 && Number.isFinite(noise))) {
    throw new Error(
      `${title}: the noise is ${noise}, expected a finite number above 0: points on a curve itself have no density in the plane`,
    );
  }
  const nodes: number[] = [];
  const logWeights: number[] = [];
  for (const { at, weight = () => 1, length } of arms) {
    const pieces = Math.ceil(length / (1.5 * noise));
    for (let piece = 0; piece < pieces; piece++)
      gaussLegendre.forEach(([node, w]) => {
        const s = (piece + 0.5 * (node + 1)) / pieces;
        nodes.push(...at(s));
        logWeights.push(Math.log((0.5 * w * weight(s)) / (pieces * arms.length)));
      });
  }
  return {
    title,
    picture: widened(around, 4 * noise),
    box: widened(around, 9 * noise),
    scale: noise,
    point([which, along], [a, b]) {
      const { at, quantile = (u: number) => u } = arms[Math.floor(which * arms.length)];
      const [x, y] = at(quantile(along));
      return [x + noise * a, y + noise * b];
    },
    logDensity: logSumOfKernels(Float64Array.from(nodes), Float64Array.from(logWeights), noise),
  };
}

const widened = ({ x, y }: Box, by: number): Box => ({
  x: [x[0] - by, x[1] + by],
  y: [y[0] - by, y[1] + by],
});

const square = (half: number): Box => ({ x: [-half, half], y: [-half, half] });

/** A circle about the origin. */
const circle = (radius: number): Arm => ({
  at: (s) => [radius * Math.cos(2 * Math.PI * s), radius * Math.sin(2 * Math.PI * s)],
  length: 2 * Math.PI * radius,
});

/** Two interleaving half circles of radius 1. */
const moons = (noise: number): Recipe =>
  noisyCurves(
    `two moons, noise ${noise}`,
    [
      { at: (s) => [Math.cos(Math.PI * s), Math.sin(Math.PI * s)], length: Math.PI },
      { at: (s) => [1 - Math.cos(Math.PI * s), 0.5 - Math.sin(Math.PI * s)], length: Math.PI },
    ],
    noise,
    { x: [-1, 2], y: [-0.5, 1] },
  );

/** A circle of radius 1 and one inside of it. */
const circles = (noise: number, factor: number): Recipe =>
  noisyCurves(`two circles, factor ${factor}, noise ${noise}`, [circle(1), circle(factor)], noise, square(1));

const rings = (noise: number): Recipe =>
  noisyCurves(`four rings, noise ${noise}`, [1, 2, 3, 4].map(circle), noise, square(4));

/** Two Archimedean spirals r = t, t = 3π √u, opposite each other. */
function spirals(noise: number): Recipe {
  const turn = 3 * Math.PI;
  const arm = (sign: number): Arm => ({
    at: (s) => [(sign * turn * s * Math.cos(turn * s)) / 2, (sign * turn * s * Math.sin(turn * s)) / 2],
    weight: (s) => 2 * s,
    quantile: Math.sqrt,
    // ∫ √(1 + t²) / 2 dt, from above.
    length: (turn * (turn + 2)) / 4,
  });
  return noisyCurves(`two spirals, noise ${noise}`, [arm(1), arm(-1)], noise, square(turn / 2));
}

/** Gaussians of one deviation, equally likely. */
const gaussians = (title: string, centres: readonly Point[], sigma: number): Recipe => {
  const [xs, ys] = [centres.map(([x]) => x), centres.map(([, y]) => y)];
  const hull: Box = { x: [Math.min(...xs), Math.max(...xs)], y: [Math.min(...ys), Math.max(...ys)] };
  return {
    title,
    picture: widened(hull, 4 * sigma),
    box: widened(hull, 9 * sigma),
    scale: sigma,
    point([which], [a, b]) {
      const [x, y] = centres[Math.floor(which * centres.length)];
      return [x + sigma * a, y + sigma * b];
    },
    logDensity: logSumOfKernels(
      Float64Array.from(centres.flat()),
      new Float64Array(centres.length).fill(-Math.log(centres.length)),
      sigma,
    ),
  };
};

const onCircle = (n: number, radius: number): Point[] =>
  Array.from({ length: n }, (_, k) => [
    radius * Math.cos((2 * Math.PI * k) / n),
    radius * Math.sin((2 * Math.PI * k) / n),
  ]);

/** The eight dark squares of a board of 4 × 4 unit squares, each filled evenly: entropy log 8. */
const checkerboard: Recipe = {
  title: 'checkerboard',
  picture: square(2.5),
  box: square(2),
  scale: 1,
  entropy: Math.log(8),
  point([x, y]) {
    const column = Math.floor(4 * x);
    // The fraction of y that chooses one of the two dark squares of the column, and the place inside.
    const dark = 2 * Math.floor(2 * y) + (column % 2);
    return [4 * x - 2, dark + ((2 * y) % 1) - 2];
  },
  logDensity(x, y) {
    const [column, row] = [Math.floor(x + 2), Math.floor(y + 2)];
    const onBoard = column >= 0 && column < 4 && row >= 0 && row < 4;
    return onBoard && (column + row) % 2 === 0 ? -Math.log(8) : -Infinity;
  },
};

/**
 * Five arms of a Gaussian at distance 2, long along the radius and thin across it, turned by an angle that grows with the distance from
 * the origin. A turn by a function of the radius keeps areas, so the density is that of the Gaussians at the point turned back.
 */
function pinwheel(): Recipe {
  const [arms, distance, long, thin, twist] = [5, 2, 0.5, 0.15, 0.6];
  const angleOf = (k: number): number => (2 * Math.PI * k) / arms;
  const logNormal = -Math.log(2 * Math.PI * long * thin * arms);
  return {
    title: 'pinwheel',
    picture: square(distance + 3 * long),
    box: square(distance + 9 * long),
    scale: thin / 2,
    point([which], [a, b]) {
      const [x, y] = [distance + long * a, thin * b];
      const angle = angleOf(Math.floor(which * arms)) + twist * Math.hypot(x, y);
      const [c, s] = [Math.cos(angle), Math.sin(angle)];
      return [c * x - s * y, s * x + c * y];
    },
    logDensity(x, y) {
      const r = Math.hypot(x, y);
      const exponents = Array.from({ length: arms }, (_, k) => {
        const angle = angleOf(k) + twist * r;
        const [c, s] = [Math.cos(angle), Math.sin(angle)];
        const [along, across] = [c * x + s * y - distance, c * y - s * x];
        return -0.5 * ((along / long) ** 2 + (across / thin) ** 2);
      });
      const largest = Math.max(...exponents);
      return logNormal + largest + Math.log(exponents.reduce((sum, e) => sum + Math.exp(e - largest), 0));
    },
  };
}

/** Every set of the plane, by name. */
export const planeSets: readonly PlaneSet[] = [
  planeSet('moons', moons(0.1)),
  planeSet('moons-sharp', moons(0.05)),
  planeSet('circles', circles(0.05, 0.5)),
  planeSet('circles-close', circles(0.05, 0.8)),
  planeSet(
    'blobs',
    gaussians(
      'three blobs',
      [
        [-5, -5],
        [0, 0],
        [5, 5],
      ],
      1,
    ),
  ),
  planeSet('spirals', spirals(0.1)),
  planeSet('checkerboard', checkerboard),
  planeSet('pinwheel', pinwheel()),
  planeSet('eight-gaussians', gaussians('eight Gaussians', onCircle(8, 2), 0.2)),
  planeSet('rings', rings(0.15)),
];

/**
 * Moons, or circles of a factor, of any noise above 0: what the entropies of the literature are checked on.
 *
 * @throws for any other noise.
 */
export const moonsOf = (noise: number): PlaneSet => planeSet(`moons-${noise}`, moons(noise));
export const circlesOf = (noise: number, factor: number): PlaneSet =>
  planeSet(`circles-${noise}-${factor}`, circles(noise, factor));

/**
 * The set of that name.
 *
 * @throws if the name is unknown.
 */
export function getPlaneSet(name: string): PlaneSet {
  const found = planeSets.find((set) => set.name === name);
  if (found) return found;
  throw new Error(
    `plane set '${name}' is unknown; expected one of ${planeSets.map((set) => set.name).join(', ')}`,
  );
}

/** Centres of side × side cells of a set's picture, `[side², 2]` row by row, the least y first. */
export function pictureGrid({ picture: { x, y } }: PlaneSet, side: number): Float64Array {
  const [dx, dy] = [(x[1] - x[0]) / side, (y[1] - y[0]) / side];
  const points = new Float64Array(2 * side * side);
  for (let i = 0; i < side; i++)
    for (let j = 0; j < side; j++)
      points.set([x[0] + (j + 0.5) * dx, y[0] + (i + 0.5) * dy], 2 * (i * side + j));
  return points;
}
