/**
 * Points on a curve or surface in space plus Gaussian noise: samples, and the exact log density of the noisy points, which
 * no model can beat on held-out data.
 */
import { array, type NDArray } from '../../src/tensor/index.ts';
import { normal, split, uniform, type Key } from '../../src/tensor/random.ts';

export type Point = readonly [x: number, y: number, z: number];

export interface NoisyManifold {
  readonly name: string;
  readonly title: string;
  readonly source: string;
  /** Of the manifold without its noise. */
  readonly intrinsicDimension: 1 | 2;
  /** Standard deviation of the noise in each coordinate. */
  readonly noise: number;
  /** n independent points: float64 `[n, 3]`. Point i does not depend on n. */
  sample(key: Key, n: number): NDArray;
  /** log p of points `[n, 3]`, in nats. Throws on other shapes. */
  logDensity(points: NDArray): Float64Array;
}

/** A component of a curve: position at θ, which is uniform on an interval. */
export interface Component {
  readonly at: (theta: number) => Point;
  readonly interval?: readonly [from: number, to: number];
}

export interface NoisyCurve extends Pick<NoisyManifold, 'name' | 'title' | 'source' | 'noise'> {
  readonly scale: number;
  /** Equally likely. */
  readonly components: readonly Component[];
}

/** Centres of the mixture that stands for a curve; at most σ/5 apart on every set of this folder. */
const CENTRES = 8192;

/**
 * x = scale · c(θ) + σ ε. The density (1/L) ∫ N(x; scale · c(θ), σ² I) dθ is computed by the midpoint rule, a mixture of Gaussians
 * with centres much closer than σ, whose error is below 1e-6 nats.
 */
export function noisyCurve({ scale, components, ...named }: NoisyCurve): NoisyManifold {
  const { noise } = named;
  const position = (component: Component, fraction: number): Point => {
    const [from, to] = component.interval ?? [-Math.PI, Math.PI];
    const [x, y, z] = component.at(from + fraction * (to - from));
    return [scale * x, scale * y, scale * z];
  };
  let centres: Float64Array | null = null;
  const makeCentres = (): Float64Array => {
    const each = CENTRES / components.length;
    return Float64Array.from(
      components.flatMap((component) =>
        Array.from({ length: each }, (_, i) => position(component, (i + 0.5) / each)).flat(),
      ),
    );
  };
  return {
    ...named,
    intrinsicDimension: 1,
    sample: (key, n) => {
      const [along, which] = split(key, 3);
      const fraction = uniform(along, n);
      const choice = uniform(which, n);
      return withNoise(key, n, noise, (i) =>
        position(components[Math.floor(choice[i] * components.length)], fraction[i]),
      );
    },
    logDensity: (points) => {
      requirePoints(points);
      centres ??= makeCentres();
      return mixtureLogDensity(points.data, centres, noise);
    },
  };
}

/**
 * Uniform on the unit sphere plus noise. By symmetry the density depends on r = ‖x‖ alone: the mean of N(x; u, σ² I) over the sphere is
 * (2πσ²)^{−3/2} e^{−(r² + 1)/2σ²} sinh(κ)/κ, κ = r/σ² (the normalising constant of von Mises and Fisher).
 */
export function noisySphere(
  named: Pick<NoisyManifold, 'name' | 'title' | 'source' | 'noise'>,
): NoisyManifold {
  const { noise } = named;
  const variance = noise * noise;
  return {
    ...named,
    intrinsicDimension: 2,
    sample: (key, n) => {
      const [direction] = split(key, 3);
      const z = normal(direction, 3 * n);
      return withNoise(key, n, noise, (i) => {
        const length = Math.hypot(z[3 * i], z[3 * i + 1], z[3 * i + 2]);
        return [z[3 * i] / length, z[3 * i + 1] / length, z[3 * i + 2] / length];
      });
    },
    logDensity: (points) => {
      const n = requirePoints(points);
      return Float64Array.from({ length: n }, (_, i) => {
        const r = Math.hypot(points.data[3 * i], points.data[3 * i + 1], points.data[3 * i + 2]);
        const kappa = r / variance;
        // log sinh(κ)/κ without overflow, and with its limit at the centre.
        const logRatio = kappa < 1e-8 ? 0 : kappa + Math.log(-Math.expm1(-2 * kappa) / (2 * kappa));
        return -1.5 * Math.log(2 * Math.PI * variance) - (r * r + 1) / (2 * variance) + logRatio;
      });
    },
  };
}

function withNoise(key: Key, n: number, noise: number, at: (i: number) => Point): NDArray {
  const [, , spread] = split(key, 3);
  const points = normal(spread, 3 * n);
  for (let i = 0; i < n; i++) {
    const centre = at(i);
    for (let j = 0; j < 3; j++) points[3 * i + j] = centre[j] + noise * points[3 * i + j];
  }
  return array(points, [n, 3]);
}

/** log of the mean of N(x; c, σ² I) over centres c. */
function mixtureLogDensity(points: ArrayLike<number>, centres: Float64Array, noise: number): Float64Array {
  const count = centres.length / 3;
  const squared = new Float64Array(count);
  const constant = -1.5 * Math.log(2 * Math.PI * noise * noise) - Math.log(count);
  const precision = 1 / (2 * noise * noise);
  return Float64Array.from({ length: points.length / 3 }, (_, i) => {
    const [x, y, z] = [points[3 * i], points[3 * i + 1], points[3 * i + 2]];
    let nearest = Infinity;
    for (let j = 0; j < count; j++) {
      const [dx, dy, dz] = [x - centres[3 * j], y - centres[3 * j + 1], z - centres[3 * j + 2]];
      const d = dx * dx + dy * dy + dz * dz;
      squared[j] = d;
      if (d < nearest) nearest = d;
    }
    let total = 0;
    // Terms below e^−45 of the largest are below its rounding error, all 8192 of them together.
    const last = nearest + 45 / precision;
    for (let j = 0; j < count; j++) {
      if (squared[j] < last) total += Math.exp((nearest - squared[j]) * precision);
    }
    return constant - nearest * precision + Math.log(total);
  });
}

function requirePoints({ shape }: NDArray): number {
  if (shape.length === 2 && shape[1] === 3) return shape[0];
  throw new Error(`logDensity: points are [${shape.join(', ')}], expected [n, 3]`);
}
