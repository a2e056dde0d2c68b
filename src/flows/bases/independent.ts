/** Bases whose entries are independent: normal, Laplace, Student-t, uniform, each with a location and a scale an entry. */
import { z } from 'zod';
import {
  abs,
  add,
  array,
  div,
  exp,
  lessEqual,
  log,
  mul,
  select,
  square,
  sub,
  sum,
  zeros,
  type NDArray,
  type Tensor,
} from '../../tensor/index.ts';
import { zerosInitialiser } from '../../nn/index.ts';
import { normal as drawNormal, split, uniform as drawUniform, type Key } from '../../tensor/random.ts';
import { base, type BaseFamily } from './base.ts';

/** log √(2π) */
export const LOG_SQRT_2PI = 0.5 * Math.log(2 * Math.PI);

interface LocationScale<Leaf = NDArray> {
  readonly location: Leaf;
  readonly logScale: Leaf;
}

/** A standard density of one number, its log density and its quantile transform of random numbers. */
interface Standard<Options> {
  readonly logDensity: (u: Tensor, options: Options) => Tensor;
  readonly draw: (key: Key, n: number, options: Options) => Float64Array;
}

interface Trainable {
  /** Whether location and scale are learned; else they are 0 and 1. */
  readonly trainable: boolean;
}

const trainable = { trainable: z.boolean().default(false) };

/** x = μ + σ u entry by entry, u from a standard density. */
function independent<Options extends Trainable>(
  name: string,
  title: string,
  options: z.ZodObject & z.ZodType<Options>,
  { logDensity, draw }: Standard<Options>,
  examples: readonly Readonly<Record<string, unknown>>[] = [{}, { trainable: true }],
): BaseFamily<Partial<LocationScale>> {
  return base<Options, Partial<LocationScale>>(name, {
    title,
    options,
    examples,
    init: (key, d, choice) =>
      choice.trainable ? { location: zerosInitialiser(key, [d]), logScale: zerosInitialiser(key, [d]) } : {},
    logProb({ location, logScale }, x, { options: choice }) {
      if (!location || !logScale) return sum(logDensity(x, choice), 1);
      const u = mul(sub(x, location), exp(mul(-1, logScale)));
      return sub(sum(logDensity(u, choice), 1), sum(logScale));
    },
    draw: (key, n, d, choice) => array(draw(key, n * d, choice), [n, d]),
    transport: ({ location, logScale }, rows) =>
      location && logScale ? add(location, mul(exp(logScale), rows)) : rows,
  });
}

/** N(μ, diag σ²). */
export const normal = independent('normal', 'Normal, diagonal', z.strictObject(trainable), {
  logDensity: (u) => sub(mul(-0.5, square(u)), LOG_SQRT_2PI),
  draw: drawNormal,
});

/** Density ½ e^{−|u|} an entry. */
export const laplace = independent('laplace', 'Laplace', z.strictObject(trainable), {
  logDensity: (u) => sub(mul(-1, abs(u)), Math.LN2),
  draw: (key, n) =>
    drawUniform(key, n).map((u) => {
      // Strictly inside (0, 1), symmetric about ½.
      const v = u + 2 ** -54 - 0.5;
      return -Math.sign(v) * Math.log1p(-2 * Math.abs(v));
    }),
});

/** Student's t with ν degrees of freedom; density Γ((ν+1)/2) / (√(νπ) Γ(ν/2)) (1 + u²/ν)^{−(ν+1)/2}. */
export const studentT = independent(
  'student-t',
  'Student-t',
  z.strictObject({ ...trainable, degrees: z.number().positive().default(4) }),
  {
    logDensity: (u, { degrees: nu }) =>
      sub(
        logGamma((nu + 1) / 2) - logGamma(nu / 2) - 0.5 * Math.log(nu * Math.PI),
        mul((nu + 1) / 2, log(add(1, div(square(u), nu)))),
      ),
    // Bailey 1994 (Mathematics of Computation 62): √(ν (U^{−2/ν} − 1)) cos 2πV.
    draw(key, n, { degrees: nu }) {
      const [radius, angle] = split(key, 2);
      const v = drawUniform(angle, n);
      return drawUniform(radius, n).map(
        (u, i) => Math.sqrt(nu * Math.expm1((-2 / nu) * Math.log1p(-u))) * Math.cos(2 * Math.PI * v[i]),
      );
    },
  },
  [{}, { degrees: 1.5, trainable: true }],
);

/** Density 1 on (0, 1) an entry, −∞ outside of it. */
export const uniform = independent('uniform', 'Uniform on the unit cube', z.strictObject(trainable), {
  logDensity: (u) =>
    select(lessEqual(abs(sub(u, 0.5)), 0.5), zeros(u.shape, u.dtype), Number.NEGATIVE_INFINITY),
  draw: drawUniform,
});

/** log Γ for positive numbers, relative error about 1e-15 (Lanczos 1964, coefficients g = 7, n = 9). */
export function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const t = x + 6.5;
  const series = lanczos.reduce((total, c, i) => total + (i === 0 ? c : c / (x - 1 + i)), 0);
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(series);
}

const lanczos = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];
