/**
 * What a fool would predict: maps between fields without a network, for the same table as the networks.
 * All act on fields on a uniform periodic grid, [n · s] row-major, in float64.
 */

export interface Pairs {
  /** [n · s] */
  readonly input: ArrayLike<number>;
  readonly output: ArrayLike<number>;
}

/** Multiplier of Fourier mode k ≥ 0 (cos/sin pairs of a real field), as [real, imaginary]. */
export type Multiplier = (mode: number) => readonly [number, number];

export interface BaselineContext {
  readonly train: Pairs;
  readonly resolution: number;
  /** e^(symbol(k) T) of the linear part of the equation, where there is an equation. */
  readonly propagator?: Multiplier;
}

export interface Baseline {
  readonly name: string;
  readonly title: string;
  /** Real numbers that are fitted, at resolution s. */
  parameters(s: number): number;
  /** Predicts the outputs of `inputs` [n · s]. */
  predict(context: BaselineContext, inputs: ArrayLike<number>): Float64Array;
}

const identity: Baseline = {
  name: 'identity',
  title: 'Identity (nothing happens)',
  parameters: () => 0,
  predict: (_, inputs) => Float64Array.from(inputs),
};

const linear: Baseline = {
  name: 'linear',
  title: 'Exact propagator of the linear part',
  parameters: () => 0,
  predict: ({ resolution, propagator }, inputs) => {
    if (!propagator)
      throw new Error('linear: this data set names no equation, so there is no linear part to propagate');
    return multiply(inputs, resolution, propagator);
  },
};

/**
 * One complex factor a Fourier mode, by least squares: m_k = Σ conj(û_k) v̂_k / Σ |û_k|². Two real numbers a mode, but one
 * for the mean and, on an even grid, for the highest mode, whose coefficients are real: s altogether.
 */
const multiplier: Baseline = {
  name: 'multiplier',
  title: 'One factor a Fourier mode, least squares',
  parameters: (s) => s,
  predict: ({ train, resolution }, inputs) => {
    const factors = fitMultiplier(train, resolution);
    return multiply(inputs, resolution, (k) => factors[k]);
  },
};

export const baselines: readonly Baseline[] = [linear, multiplier, identity];
export const baselineNames = baselines.map(({ name }) => name);

export function getBaseline(name: string): Baseline {
  const found = baselines.find((baseline) => baseline.name === name);
  if (!found) throw new Error(`baseline '${name}' is unknown; expected one of ${baselineNames.join(', ')}`);
  return found;
}

/** Power of a mode over that of the strongest, below which it is rounding of float32 fields. */
const NOISE = 1e-12;

/** The factor m_k of every mode that brings m_k û_k nearest to v̂_k; 0 for modes that the inputs do not have. */
export function fitMultiplier({ input, output }: Pairs, s: number): [number, number][] {
  const u = realSpectra(input, s);
  const v = realSpectra(output, s);
  const count = input.length / s;
  const sums = Array.from({ length: u.modes }, (_, k) => {
    let [real, imaginary, power] = [0, 0, 0];
    for (let i = 0; i < count; i++) {
      const at = i * u.modes + k;
      real += u.real[at] * v.real[at] + u.imaginary[at] * v.imaginary[at];
      imaginary += u.real[at] * v.imaginary[at] - u.imaginary[at] * v.real[at];
      power += u.real[at] ** 2 + u.imaginary[at] ** 2;
    }
    return { real, imaginary, power };
  });
  const least = NOISE * Math.max(...sums.map(({ power }) => power));
  return sums.map(({ real, imaginary, power }) =>
    power > least ? [real / power, imaginary / power] : [0, 0],
  );
}

interface Spectra {
  readonly modes: number;
  readonly real: Float64Array;
  readonly imaginary: Float64Array;
}

/** cos and sin of 2πj/s for j = 0 … s−1: every angle of the transform, exactly reduced. */
function twiddles(s: number): { cos: Float64Array; sin: Float64Array } {
  const angle = (j: number): number => (2 * Math.PI * j) / s;
  return {
    cos: Float64Array.from({ length: s }, (_, j) => Math.cos(angle(j))),
    sin: Float64Array.from({ length: s }, (_, j) => Math.sin(angle(j))),
  };
}

/** Real DFTs of rows of s points, by the definition: s is at most some thousands and there is no hurry here. */
function realSpectra(rows: ArrayLike<number>, s: number): Spectra {
  if (!Number.isInteger(rows.length / s)) {
    throw new Error(`baseline: ${rows.length} values are no whole number of fields of ${s} points`);
  }
  const count = rows.length / s;
  const modes = Math.floor(s / 2) + 1;
  const { cos, sin } = twiddles(s);
  const real = new Float64Array(count * modes);
  const imaginary = new Float64Array(count * modes);
  for (let i = 0; i < count; i++) {
    for (let k = 0; k < modes; k++) {
      let [a, b] = [0, 0];
      for (let x = 0, j = 0; x < s; x++, j = (j + k) % s) {
        a += rows[i * s + x] * cos[j];
        b -= rows[i * s + x] * sin[j];
      }
      real[i * modes + k] = a;
      imaginary[i * modes + k] = b;
    }
  }
  return { modes, real, imaginary };
}

/** Multiplies every mode of every row and transforms back. The Nyquist mode of an even grid keeps its real part. */
export function multiply(rows: ArrayLike<number>, s: number, factor: Multiplier): Float64Array {
  const { modes, real, imaginary } = realSpectra(rows, s);
  const count = rows.length / s;
  const { cos, sin } = twiddles(s);
  const out = new Float64Array(rows.length);
  for (let k = 0; k < modes; k++) {
    const [c, d] = factor(k);
    const weight = (k === 0 || 2 * k === s ? 1 : 2) / s;
    for (let i = 0; i < count; i++) {
      const at = i * modes + k;
      const a = weight * (c * real[at] - d * imaginary[at]);
      const b = weight * (c * imaginary[at] + d * real[at]);
      for (let x = 0, j = 0; x < s; x++, j = (j + k) % s) out[i * s + x] += a * cos[j] - b * sin[j];
    }
  }
  return out;
}
