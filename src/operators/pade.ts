/**
 * Padé exponential operator on the multiwavelet pyramid (Gupta, Xiao, Balan & Bogdan 2022, "Non-Linear Operator
 * Approximations for Initial Value Problems"). Each kernel e^L of the non-standard form is approximated by
 *
 *   y = A(L) σ(W B(L) x + b),   [p/q](L) = A(L) B(L)⁻¹ ≈ e^L,   σ = ReLU,
 *
 * where the learned map W, b and σ stand in for the inverse of the denominator. With `denominator: 'exact'` B(L) is
 * really inverted, mode by mode: y = A(L) σ(W B(L)⁻¹ x + b); L then leaves the Nyquist mode of coarse levels alone, which is
 * real and would need an inverse of its own.
 *
 * L is a Fourier multiplier, so its powers live on the kept modes: whatever p and q, a block costs two truncated DFTs in
 * and two out. Products with W and with the wavelet filters are merged where they meet (both act on channels).
 */
import { z } from 'zod';
import {
  add,
  concat,
  constant,
  identityMatrix,
  matmul,
  mul,
  relu,
  reshape,
  split,
  type Tensor,
} from '../tensor/index.ts';
import { split as splitKey, type Key } from '../tensor/random.ts';
import { linear } from '../nn/index.ts';
import {
  applyCoarsest,
  applyPyramid,
  ascend,
  descend,
  scalingAndDetail,
  initPyramid,
  pyramidOptions,
  requirePowerOfTwo,
  waveletLevels,
} from './mwt.ts';
import { matrixInverse } from './matrixInverse.ts';
import { operator, type TensorsOf } from './operator.ts';
import { appliedCoefficients } from './padeBlock.ts';
import {
  bandsOf,
  dropImaginaryOfRealModes,
  initKernels,
  kernelOn,
  levelsToModes,
  mixChannels,
  modesToLevels,
  waveletTransform,
  type Band,
} from './wavelet.ts';

/** Of numerator and denominator. */
export const LARGEST_DEGREE = 12;

const options = z.strictObject({
  ...pyramidOptions,
  layers: z.int().positive().default(1),
  /** Degrees of the numerator and of the denominator; without a denominator, q = 0, A is a Taylor sum. */
  p: z.int().min(1).max(LARGEST_DEGREE).default(4),
  q: z.int().min(0).max(LARGEST_DEGREE).default(2),
  /**
   * 'published': the sums end at p − 1 and q − 1, as in the authors' code, though the coefficients are those of [p/q];
   * 'full': they end at p and q, as in the paper.
   */
  degrees: z.enum(['published', 'full']).default('published'),
  denominator: z.enum(['learned', 'exact']).default('learned'),
});

type PadeOptions = z.infer<typeof options>;

export const pade = operator('pade', {
  title: 'Padé exponential operator',
  source: 'Gupta, Xiao, Balan & Bogdan 2022 (ICLR)',
  options,
  init: (key, choice) => initPyramid(key, choice, (layer) => initLayer(layer, choice)),
  apply: (p, u, choice) => applyPyramid(p, u, (layer, x) => applyLayer(layer, x, choice)),
  checkResolution: requirePowerOfTwo,
  levels: waveletLevels,
});

const initLayer = (key: Key, { k, channels, modes }: PadeOptions) => {
  const [kernels, maps, coarsest] = splitKey(key, 3);
  const width = channels * k;
  return {
    /** Of the three blocks of the non-standard form, d → d (A), s → d (B), d → s (C). */
    kernels: initKernels(kernels, 3, modes, width),
    /** W, b of the three blocks. */
    maps: splitKey(maps, 3).map((map) => linear.init(map, { inputs: width, outputs: width })),
    coarsest: linear.init(coarsest, { inputs: k, outputs: k }),
  };
};

type LayerParameters = TensorsOf<ReturnType<typeof initLayer>>;

function applyLayer(parameters: LayerParameters, x: Tensor, choice: PadeOptions): Tensor {
  const { modes, denominator: inversion } = choice;
  const { numerator, denominator } = appliedCoefficients(choice);
  const w = waveletTransform(choice);
  const { width } = w;
  const { pairs, top } = descend(x, w);
  const sizes = pairs.map((field) => field.shape[1]);

  const bands = bandsOf(sizes, modes);
  const learned = inversion === 'learned';
  const modesOf = (fields: readonly Tensor[], band: Band): Tensor =>
    levelsToModes(fields, band, { nyquist: learned });
  /** L of the blocks A, B, C on the modes of each band. */
  const kernels = bands.map((band) =>
    parameters.kernels.map((kernel) => {
      const L = kernelOn(kernel, band);
      return learned || band.from > 0 ? L : zeroModeReal(L);
    }),
  );
  const keepReal = (x: Tensor, band: Band): Tensor => (learned ? dropImaginaryOfRealModes(x, band) : x);

  // Inside the non-linearity, for the three blocks side by side: W_A B(L_A) d, W_B B(L_B) s, W_C B(L_C) d. Of B(L) the
  // constant term b₀ = 1 acts in space, the rest on the kept modes.
  const added = bands.map((band, at) => {
    const { s, d } = scalingAndDetail(mixChannels(modesOf(pairs, band), w.toScalingAndDetail), width);
    const mapped = [d, s, d].map((x, i) => {
      const L = kernels[at][i];
      const rest = learned
        ? applyPolynomial(L, [0, ...denominator.slice(1)], x, (y) => keepReal(y, band))
        : matmul(x, inverseMinusIdentity(polynomial(L, denominator)));
      return mixChannels(rest, parameters.maps[i].weight);
    });
    return sideBySide(mapped, width);
  });
  const weight = concat(
    parameters.maps.map((map, i) => matmul(i === 1 ? w.toScaling : w.toDetail, map.weight)),
    1,
  );
  const bias = concat(parameters.maps.map((map) => map.bias));
  const inside = modesToLevels(added, bands, sizes);
  const v = pairs.map((field, level) => relu(add(linear.apply({ weight, bias }, field), inside[level])));

  // A(L) on each block, and up the pyramid: U_d = y_A + y_B and U_s = y_C meet the synthesis filters.
  const corrections = bands.map((band, at) => {
    const [yA, yB, yC] = apart(modesOf(v, band), width).map((x, i) =>
      applyPolynomial(kernels[at][i], [0, ...numerator.slice(1)], x, (y) => keepReal(y, band)),
    );
    return add(mixChannels(add(yA, yB), w.fromDetail), mixChannels(yC, w.fromScaling));
  });
  const constantTerm = mul(concat([w.fromDetail, w.fromDetail, w.fromScaling], 0), numerator[0]);
  const updates = modesToLevels(corrections, bands, sizes).map((update, level) =>
    add(matmul(v[level], constantTerm), update),
  );
  return ascend(applyCoarsest(parameters.coarsest, top, choice), updates, w);
}

/**
 * Σ_j c_j L^j x by Horner's rule, for rows x acted on from the right; `keepReal` makes each power that of an operator on
 * real fields (the last product needs it not: the way back to space reads no imaginary parts of real modes).
 */
function applyPolynomial(
  L: Tensor,
  coefficients: readonly number[],
  x: Tensor,
  keepReal: (x: Tensor) => Tensor,
): Tensor {
  const highest = coefficients.length - 1;
  let y = mul(x, coefficients[highest]);
  for (let j = highest - 1; j >= 0; j--) {
    const product = matmul(y, L);
    y = coefficients[j] === 0 ? product : add(keepReal(product), mul(x, coefficients[j]));
  }
  return y;
}

/** The real form of L [modes, 2w, 2w] with mode 0 a real matrix, as its action on real fields is. */
function zeroModeReal(L: Tensor): Tensor {
  const [modes, , columns] = L.shape;
  const mask = new Float64Array(modes * columns).fill(1).fill(0, columns / 2, columns);
  return mul(L, constant(mask, [modes, 1, columns]));
}

/** Σ_j c_j L^j as matrices. */
function polynomial(L: Tensor, coefficients: readonly number[]): Tensor {
  let power = L;
  let total = mul(L, coefficients[1] ?? 0);
  for (const c of coefficients.slice(2)) {
    power = matmul(power, L);
    total = add(total, mul(power, c));
  }
  return addIdentity(total, coefficients[0]);
}

const addIdentity = (matrices: Tensor, scale: number): Tensor => {
  const n = matrices.shape[1];
  return add(matrices, mul(identityMatrix(n), scale));
};

const inverseMinusIdentity = (matrices: Tensor): Tensor => addIdentity(matrixInverse(matrices), -1);

/** Three blocks [modes, rows, (re, im) × w] → [modes, rows, (re, im) × 3w]. */
function sideBySide(blocks: readonly Tensor[], width: number): Tensor {
  const [modes, rows] = blocks[0].shape;
  const parts = blocks.map((block) => reshape(block, [modes, rows, 2, width]));
  return reshape(concat(parts, 3), [modes, rows, 6 * width]);
}

/** The opposite: [modes, rows, (re, im) × 3w] → three blocks [modes, rows, (re, im) × w]. */
function apart(stacked: Tensor, width: number): Tensor[] {
  const [modes, rows] = stacked.shape;
  const parts = split(reshape(stacked, [modes, rows, 2, 3 * width]), [width, width, width], 3);
  return parts.map((part) => reshape(part, [modes, rows, 2 * width]));
}
