/**
 * SENSE in closed form (Pruessmann, Weiger, Scheidegger & Boesiger, Magnetic Resonance in Medicine 42, 1999): where every R-th
 * phase encode is sampled and nothing else, R pixels fold onto one, and each such group is a least squares problem of R
 * unknowns. For other masks there is `cgSense`.
 */
import {
  complex,
  constant,
  equal,
  ifft2c,
  mul,
  reshape,
  select,
  showShape,
  sliceAxis,
  sqrt,
  sum,
  transpose,
  type Complex,
  type Tensor,
} from '../tensor/index.ts';
import { addDiagonal, applyToCoils, diagonal, inverseDiagonal, solveComplex } from './complexLinalg.ts';

export interface UniformSampling {
  /** R: one phase encode (column of k-space) in R is sampled. A divisor of the width. */
  readonly acceleration: number;
  /** The first sampled column, 0 … R − 1; default 0. */
  readonly offset?: number;
}

export interface SenseOptions extends UniformSampling {
  /**
   * Ψ⁻¹ [c, c], the inverse of the noise covariance between coils. Default: the identity, which is right for k-space and
   * sensitivities that were whitened.
   */
  readonly inverseCovariance?: Complex;
}

/**
 * The least squares image of k-space [.., c, h, w] with sensitivities [c, h, w]: (AᴴΨ⁻¹A)⁻¹AᴴΨ⁻¹x, without regularisation.
 * Columns that are not sampled are not looked at. Pixels where all sensitivities are zero are no unknowns; they come out as 0.
 *
 * @throws if the acceleration does not divide the width or exceeds the number of coils, or if shapes do not agree.
 */
export function sense(kspace: Complex, sensitivities: Complex, options: SenseOptions): Complex {
  const [coils, h, w] = checkUniform('sense', sensitivities, options);
  const { shape } = kspace.re;
  const leading = shape.slice(0, -3);
  if (shape.length < 3 || shape.slice(-3).some((n, i) => n !== [coils, h, w][i])) {
    throw new Error(
      `sense: k-space is ${showShape(shape)} and the sensitivities [${coils}, ${h}, ${w}]; expected k-space [.., ${coils}, ${h}, ${w}]`,
    );
  }
  const { acceleration: R, offset = 0 } = options;
  const [images, narrow] = [leading.reduce((product, n) => product * n, 1), w / R];
  const columns = Float64Array.from({ length: w }, (_, k) => (k % R === offset ? 1 : 0));
  const sampled = complex.mapParts(kspace, (part) => mul(part, constant(columns, [w], part.dtype)));
  // The aliased image repeats after w/R pixels but for a phase: its first w/R columns say all.
  const aliased = complex.mapParts(ifft2c(sampled), (part) =>
    reshape(sliceAxis(part, -1, 0, narrow), [images, coils, h, 1, narrow]),
  );
  const unfolding = unfoldingMatrices(sensitivities, options);
  // Σ_c U_rc a_c: [images, h, R, w/R].
  const unknowns = complex.mapParts(complex.mul(unfolding, aliased), (part) => sum(part, 1));
  // The inverse DFT of the mask gives a(y) = 1/R Σ_r e^(−2πi(offset − ⌊w/2⌋)r/R) (S z)(y + r w/R): undo scale and phase.
  const angle = (r: number): number => (2 * Math.PI * (((offset - Math.floor(w / 2)) * r) % R)) / R;
  const factor = (f: (angle: number) => number): Tensor =>
    constant(
      Float64Array.from({ length: R }, (_, r) => R * f(angle(r))),
      [R, 1],
      unknowns.re.dtype,
    );
  const unfolded = complex.mul(unknowns, { re: factor(Math.cos), im: factor(Math.sin) });
  return complex.mapParts(unfolded, (part) => reshape(part, [...leading, h, w]));
}

/**
 * U = (SᴴΨ⁻¹S)⁻¹SᴴΨ⁻¹ of the pixels that fold onto one, [c, h, R, w/R]. It does not depend on k-space: images and derivatives, however
 * many, share one solution of the small systems.
 */
function unfoldingMatrices(sensitivities: Complex, options: SenseOptions): Complex {
  const { weighted, gram } = normalEquations(sensitivities, options);
  const adjoint = complex.mapParts(complex.conj(weighted), (part) => transpose(part, [1, 3, 2, 0]));
  return complex.mapParts(solveComplex(gram, adjoint), (part) => transpose(part, [3, 0, 2, 1]));
}

/**
 * The geometry factor [h, w] of SENSE: g_i = √([(SᴴΨ⁻¹S)⁻¹]_ii [SᴴΨ⁻¹S]_ii) over the R pixels that fold onto one; ≥ 1, and 0
 * where all sensitivities are zero. SNR_accelerated = SNR_full / (g √R). It does not depend on the offset.
 *
 * @throws as `sense` does.
 */
export function senseGFactor(sensitivities: Complex, options: SenseOptions): Tensor {
  checkUniform('senseGFactor', sensitivities, options);
  const { gram, silent } = normalEquations(sensitivities, options);
  const g = sqrt(mul(diagonal(gram.re), inverseDiagonal(gram)));
  return unfold(select(silent, 0, g, g.dtype), sensitivities);
}

/**
 * Standard deviation [h, w] of a `sense` image with an orthonormal transform, √(R [(SᴴΨ⁻¹S)⁻¹]_ii); 0 where all sensitivities are
 * zero. Its meaning follows Ψ: with the covariance of one real component of the k-space noise, E[n nᴴ]/2 (the identity for noise
 * in SNR units), it is the standard deviation of the real part and of the imaginary part; with Ψ = E[n nᴴ] it is √E|e|², √2 times
 * as much.
 *
 * @throws as `sense` does.
 */
export function senseNoiseSd(sensitivities: Complex, options: SenseOptions): Tensor {
  checkUniform('senseNoiseSd', sensitivities, options);
  const { gram, silent } = normalEquations(sensitivities, options);
  const sd = sqrt(mul(options.acceleration, inverseDiagonal(gram)));
  return unfold(select(silent, 0, sd, sd.dtype), sensitivities);
}

/** Values [h, w/R, R] of folded groups back to [h, w]. */
const unfold = (values: Tensor, { re }: Complex): Tensor =>
  reshape(transpose(values, [0, 2, 1]), re.shape.slice(1));

/** SᴴΨ⁻¹S over the pixels that fold onto one [h, w/R, R, R], Ψ⁻¹S [c, h, R, w/R], and which pixels have no signal [h, w/R, R]. */
function normalEquations(
  sensitivities: Complex,
  { acceleration: R, inverseCovariance }: SenseOptions,
): { readonly weighted: Complex; readonly gram: Complex; readonly silent: Tensor } {
  const [coils, h, w] = sensitivities.re.shape;
  const fold = (part: Tensor): Tensor => reshape(part, [coils, h, R, w / R]);
  const weighted = complex.mapParts(
    inverseCovariance ? applyToCoils(inverseCovariance, sensitivities) : sensitivities,
    fold,
  );
  const product = complex.matmul(
    complex.mapParts(complex.conj(weighted), (part) => transpose(part, [1, 3, 2, 0])),
    complex.mapParts(sensitivities, (part) => transpose(fold(part), [1, 3, 0, 2])),
  );
  // A pixel without sensitivity has a zero row and column: a 1 on the diagonal keeps the rest of its group solvable.
  const silent = equal(diagonal(product.re), 0);
  const gram = addDiagonal(product, select(silent, 1, 0, product.re.dtype));
  return { weighted, gram, silent };
}

function checkUniform(
  name: string,
  { re }: Complex,
  { acceleration, offset = 0, inverseCovariance }: SenseOptions,
): [coils: number, h: number, w: number] {
  if (re.rank !== 3)
    throw new Error(`${name}: the sensitivities are ${showShape(re.shape)}, expected [coils, h, w]`);
  const [coils, h, w] = re.shape;
  if (!Number.isInteger(acceleration) || acceleration < 1 || w % acceleration !== 0) {
    throw new Error(
      `${name}: acceleration ${acceleration} of ${w} phase encodes, expected a divisor of ${w}; cgSense takes any mask`,
    );
  }
  if (acceleration > coils)
    throw new Error(
      `${name}: ${coils} coils cannot separate ${acceleration} folded pixels; expected acceleration ≤ ${coils}`,
    );
  if (!Number.isInteger(offset) || offset < 0 || offset >= acceleration)
    throw new Error(`${name}: offset is ${offset}, expected a whole number 0 … ${acceleration - 1}`);
  if (inverseCovariance && inverseCovariance.re.shape.join() !== `${coils},${coils}`) {
    throw new Error(
      `${name}: inverseCovariance is ${showShape(inverseCovariance.re.shape)}, expected [${coils}, ${coils}]`,
    );
  }
  return [coils, h, w];
}
