/**
 * The Cramér–Rao bound of an image with known sensitivities: k = A z + n with Gaussian n has the Fisher information AᴴΨ⁻¹A, and no
 * unbiased reconstruction, linear or not, has less noise than √diag (AᴴΨ⁻¹A)⁻¹. Least squares (SENSE) reaches it.
 */
import { breather } from '../nn/programs.ts';
import { compile, complexArray, spec, specsOf, type ComplexArray, type NDArray } from '../tensor/index.ts';
import { foldIn, key, uniform } from '../tensor/random.ts';
import { compileOptions, type SeededChoice } from '../uncertainty/precision.ts';
import { RunningMoments } from '../uncertainty/runningMoments.ts';
import { normalOperator } from './forwardModel.ts';
import { choleskyFactor, invertLower } from './hermitian.ts';
import type { ReceiverNoise } from './kspaceNoise.ts';
import type { SamplingMask } from './masks.ts';
import { mixCoils, whiteningMatrix } from './noise.ts';
import { pointSpread } from './pointSpread.ts';

/** Unknowns of a dense Fisher matrix that is still inverted as a whole. */
const DENSE_LIMIT = 1024;

export interface BoundOptions extends SeededChoice {
  /**
   * `dense`: the inverse of the Fisher matrix, of each row of the image by itself where whole columns of k-space are sampled. `probing`:
   * v ∘ (AᴴΨ⁻¹A)⁻¹v for random signs by conjugate gradients. Default dense where it has at most 1024 unknowns at a time.
   */
  readonly method?: 'dense' | 'probing' | undefined;
  /** Default 32. */
  readonly probes?: number | undefined;
  /** Relative residual at which conjugate gradients end; default 1e-4. */
  readonly tolerance?: number | undefined;
  /** Default 100. */
  readonly maximumIterations?: number | undefined;
}

export interface CramerRaoBound {
  /** Least standard deviation of one real component of an unbiased image, [h, w]; 0 where all sensitivities are 0. */
  readonly sd: NDArray;
  /** Null for `dense`. */
  readonly standardError: NDArray | null;
  readonly method: 'dense' | 'probing';
  /** Largest relative residual of conjugate gradients; the estimate is too low where it is not small. */
  readonly residual: number;
}

export interface BoundProblem {
  /** [1, w] or [h, w]. */
  readonly mask: SamplingMask;
  /** [c, h, w]; pixels where all are zero are no unknowns. */
  readonly sensitivities: ComplexArray;
  readonly noise: ReceiverNoise;
}

/**
 * The bound of every pixel.
 *
 * @throws if `dense` meets a singular Fisher matrix: the samples do not determine the image.
 */
export async function cramerRaoBound(
  problem: BoundProblem,
  options: BoundOptions = {},
): Promise<CramerRaoBound> {
  const { mask, noise } = problem;
  const [, h, w] = problem.sensitivities.re.shape;
  const sensitivities = whitened(problem.sensitivities, noise);
  const unknowns = mask.shape[0] === 1 ? w : h * w;
  const method = options.method ?? (unknowns <= DENSE_LIMIT ? 'dense' : 'probing');
  if (method === 'dense') {
    const sd = await denseBound({ mask, sensitivities }, options);
    return { sd, standardError: null, method, residual: 0 };
  }
  return { method, ...(await probedBound({ mask, sensitivities }, options)) };
}

/** Sensitivities in units of the noise of one real component. */
function whitened(sensitivities: ComplexArray, noise: ReceiverNoise): ComplexArray {
  if ('covariance' in noise) return mixCoils(whiteningMatrix(noise.covariance, 'snrUnits'), sensitivities);
  const scaled = ({ data }: NDArray): Float64Array => Float64Array.from(data, (x) => x / noise.sigma);
  return complexArray(scaled(sensitivities.re), scaled(sensitivities.im), sensitivities.re.shape);
}

type WhiteProblem = Pick<BoundProblem, 'mask' | 'sensitivities'>;

async function denseBound(
  { mask, sensitivities }: WhiteProblem,
  { onProgress, signal }: BoundOptions,
): Promise<NDArray> {
  const [, h, w] = sensitivities.re.shape;
  const sd = new Float64Array(h * w);
  // Where whole columns are sampled, rows of the image do not mix.
  const groups = mask.shape[0] === 1 ? h : 1;
  const size = (h * w) / groups;
  const spread = pointSpread(mask, [h, w]);
  const pause = breather();
  for (let group = 0; group < groups; group++) {
    const pixels = Array.from({ length: size }, (_, i) => group * size + i).filter((pixel) =>
      hasSignal(sensitivities, pixel),
    );
    if (pixels.length) {
      const inverse = invertLower(
        choleskyFactor(fisherMatrix(pixels, sensitivities, spread), 'Fisher matrix'),
      );
      // (L⁻ᴴ L⁻¹)_jj is the squared norm of column j of L⁻¹.
      for (let i = 0; i < pixels.length; i++)
        for (let j = 0; j <= i; j++) {
          const at = i * pixels.length + j;
          sd[pixels[j]] += inverse.re.data[at] ** 2 + inverse.im.data[at] ** 2;
        }
    }
    onProgress?.(group + 1, groups);
    await pause();
    signal?.throwIfAborted();
  }
  return { data: sd.map(Math.sqrt), shape: [h, w], dtype: 'float64' };
}

function hasSignal({ re, im }: ComplexArray, pixel: number): boolean {
  const [coils, h, w] = re.shape;
  for (let c = 0; c < coils; c++)
    if (re.data[c * h * w + pixel] !== 0 || im.data[c * h * w + pixel] !== 0) return true;
  return false;
}

/** AᴴA between pixels: p(i − j) Σ_c S_c(i)* S_c(j). */
function fisherMatrix(
  pixels: readonly number[],
  { re, im }: ComplexArray,
  spread: ComplexArray,
): ComplexArray {
  const [coils, h, w] = re.shape;
  const n = pixels.length;
  const [a, b] = [new Float64Array(n * n), new Float64Array(n * n)];
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) {
      const [p, q] = [pixels[i], pixels[j]];
      const dy = (Math.floor(p / w) - Math.floor(q / w) + h) % h;
      const dx = ((p % w) - (q % w) + w) % w;
      let [x, y] = [0, 0];
      for (let c = 0; c < coils; c++) {
        const from = c * h * w;
        const [s, t, u, v] = [re.data[from + p], im.data[from + p], re.data[from + q], im.data[from + q]];
        x += s * u + t * v;
        y += s * v - t * u;
      }
      const [f, g] = [spread.re.data[dy * w + dx], spread.im.data[dy * w + dx]];
      a[i * n + j] = a[j * n + i] = x * f - y * g;
      b[i * n + j] = x * g + y * f;
      b[j * n + i] = -b[i * n + j];
    }
  for (let i = 0; i < n; i++) b[i * n + i] = 0;
  return complexArray(a, b, [n, n]);
}

async function probedBound(
  { mask, sensitivities }: WhiteProblem,
  {
    probes = 32,
    tolerance = 1e-4,
    maximumIterations = 100,
    seed = 0,
    onProgress,
    signal,
    ...choice
  }: BoundOptions,
): Promise<Omit<CramerRaoBound, 'method'>> {
  const [, h, w] = sensitivities.re.shape;
  const n = h * w;
  const image = { re: spec([h, w]), im: spec([h, w]) };
  const program = await compile(
    (z, s, m) => normalOperator(z, { sensitivities: s, mask: m }),
    [image, specsOf(sensitivities), specsOf(mask)],
    compileOptions(choice),
  );
  const normal = async (z: Float64Array): Promise<Float64Array> => {
    const { re, im } = await program.run([
      complexArray(z.subarray(0, n), z.subarray(n), [h, w]),
      sensitivities,
      mask,
    ]);
    const both = new Float64Array(2 * n);
    both.set(re.data);
    both.set(im.data, n);
    return both;
  };
  const moments = new RunningMoments(n);
  const pause = breather();
  let worst = 0;
  try {
    const signal01 = Float64Array.from({ length: n }, (_, i) => (hasSignal(sensitivities, i) ? 1 : 0));
    for (let probe = 0; probe < probes; probe++) {
      const v = uniform(foldIn(key(seed), probe), 2 * n).map((u, i) => signal01[i % n] * (u < 0.5 ? -1 : 1));
      const { solution, residual } = await solveByConjugateGradients(
        normal,
        v,
        { tolerance, maximumIterations },
        async () => {
          await pause();
          signal?.throwIfAborted();
        },
      );
      worst = Math.max(worst, residual);
      moments.add(
        Float64Array.from({ length: n }, (_, i) => (v[i] * solution[i] + v[n + i] * solution[n + i]) / 2),
      );
      onProgress?.(probe + 1, probes);
    }
  } finally {
    await program.dispose();
  }
  const sd = moments.mean.map((x) => Math.sqrt(Math.max(0, x)));
  const scatter = moments.deviation();
  const array = (data: Float64Array): NDArray => ({ data, shape: [h, w], dtype: 'float64' });
  return {
    sd: array(sd),
    standardError: array(
      scatter.map((s, i) => (s === 0 ? 0 : s / Math.sqrt(probes) / (2 * Math.max(sd[i], Number.MIN_VALUE)))),
    ),
    residual: worst,
  };
}

/** x with N x = b for a positive definite N, float64 around a program of its own precision. */
async function solveByConjugateGradients(
  apply: (x: Float64Array) => Promise<Float64Array>,
  b: Float64Array,
  { tolerance, maximumIterations }: { tolerance: number; maximumIterations: number },
  each: () => Promise<void>,
): Promise<{ solution: Float64Array; residual: number }> {
  const x = new Float64Array(b.length);
  const r = b.slice();
  const p = b.slice();
  const norm = dot(b, b);
  let energy = norm;
  for (let k = 0; k < maximumIterations && energy > tolerance ** 2 * norm; k++) {
    const q = await apply(p);
    const step = energy / dot(p, q);
    for (let i = 0; i < x.length; i++) {
      x[i] += step * p[i];
      r[i] -= step * q[i];
    }
    const next = dot(r, r);
    for (let i = 0; i < p.length; i++) p[i] = r[i] + (next / energy) * p[i];
    energy = next;
    await each();
  }
  return { solution: x, residual: norm === 0 ? 0 : Math.sqrt(energy / norm) };
}

function dot(a: Float64Array, b: Float64Array): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i] * b[i];
  return total;
}
