/**
 * Padé exponential operator over space and time (after Gupta, Xiao, Balan & Bogdan 2022, "Non-Linear Operator Approximations
 * for Initial Value Problems"). The kernels of the non-standard form are Padé blocks around Fourier kernels L of space and time,
 *
 *   y = P(L) σ(W Q(L) x + b),   P / Q = [p/q] ≈ exp,   σ = ReLU.
 *
 * exp(L) maps a space to itself. So A is one block on the whole detail, while B and C, which lead from the scaling part to
 * the detail and back, are one block for each detail part (LH, HL and HH): U_d = A d + (B_LH s, B_HL s, B_HH s) and
 * U_s = C_LH d_LH + C_HL d_HL + C_HH d_HH. In one space dimension these are the three blocks of the published operator.
 */
import { z } from 'zod';
import {
  add,
  array,
  concat,
  matmul,
  mul,
  relu,
  reshape,
  sliceAxis,
  sum,
  transpose,
  type NDArray,
  type Tensor,
} from '../../tensor/index.ts';
import { split, uniform, type Key } from '../../tensor/random.ts';
import { fanInUniform } from '../../nn/index.ts';
import {
  fieldToModes,
  frequencyCounts,
  hermitianWeights,
  keptFrequencies,
  keptWeights,
  modesToField,
  type KeptFrequencies,
} from '../fourierModes.ts';
import { operator, type TensorsOf } from '../operator.ts';
import { appliedCoefficients, type Degrees } from '../padeBlock.ts';
import { realForm } from '../spectral.ts';
import {
  applyNonStandardForm,
  checkPyramidGrid,
  coarsestMap,
  detailParts,
  pyramidGrid,
  pyramidOptions,
  pyramidStack,
  spaceTransform,
  widthOf,
  type NonStandardForm,
  type PyramidSizes,
} from './pyramid.ts';
import { applyStack, axesOf, initStack, type SpaceAxes } from './stack.ts';

interface LayerOptions extends Degrees, PyramidSizes {
  readonly channels: number;
}

const defaults: Record<SpaceAxes, PyramidSizes> = {
  1: { k: 4, modes: [10, 10] },
  2: { k: 2, modes: [4, 4, 4] },
};

const spaceTimePade = (space: SpaceAxes) => {
  const name = `pade-${space + 1}d`;
  return operator(name, {
    title: `Padé exponential operator, ${space}-D space and time`,
    source: 'Gupta, Xiao, Balan & Bogdan 2022 (ICLR)',
    axes: axesOf(space),
    options: z.strictObject({
      ...pyramidOptions(space, defaults[space]),
      layers: z.int().positive().default(1),
      /** Degrees of the numerator and of the denominator. */
      p: z.int().min(1).max(12).default(4),
      q: z.int().min(1).max(12).default(2),
      /** 'published': the sums end at p − 1 and q − 1, as in the authors' code; 'full': at p and q, as in the paper. */
      degrees: z.enum(['published', 'full']).default('published'),
    }),
    init: (key, options) =>
      initStack(key, pyramidStack(space, options), (layer) => initLayer(layer, space, options)),
    apply: (p, u, options) => {
      const transform = spaceTransform(space, options);
      return applyStack(
        p,
        u,
        { name, space, inputs: options.inputs, paddedGrid: (grid) => pyramidGrid(grid, options) },
        (layer, x) => applyNonStandardForm(nonStandardForm(layer, space, options), transform, x),
      );
    },
    checkGrid: (grid, options) => checkPyramidGrid(name, space, grid, options),
  });
};

function initLayer(key: Key, space: SpaceAxes, options: LayerOptions) {
  const [A, BC, coarsest] = split(key, 3);
  const width = widthOf(space, options);
  const parts = detailParts(space);
  return {
    A: initBlocks(A, { blocks: 1, width: parts * width, modes: options.modes }),
    /** B of each detail part, then C of each. */
    BC: initBlocks(BC, { blocks: 2 * parts, width, modes: options.modes }),
    coarsest: coarsestMap.init(coarsest, space, options),
  };
}

function nonStandardForm(
  { A, BC, coarsest }: TensorsOf<ReturnType<typeof initLayer>>,
  space: SpaceAxes,
  options: LayerOptions,
): NonStandardForm {
  const parts = detailParts(space);
  return {
    update(s, d) {
      const channel = s.rank - 1;
      const width = s.shape[channel];
      const kept = keptFrequencies(s.shape.slice(1, -1), options.modes);
      const copies = Array.from({ length: parts }, () => s);
      const exchanged = padeBlocks(BC, concat([...copies, d], channel), kept, options);
      const toDetail = sliceAxis(exchanged, channel, 0, parts * width);
      const toScaling = sliceAxis(exchanged, channel, parts * width);
      return {
        s: sum(reshape(toScaling, [...s.shape.slice(0, -1), parts, width]), channel),
        d: add(padeBlocks(A, d, kept, options), toDetail),
      };
    },
    coarsest: (s) => coarsestMap.apply(coarsest, s),
  };
}

interface Blocks<Leaf> {
  /** Complex matrices of each L, one a mode: [2m_1, …, m_D, blocks, w, 2w]. */
  readonly kernel: Leaf;
  /** [blocks, w, w] */
  readonly weight: Leaf;
  /** [blocks · w] */
  readonly bias: Leaf;
}

function initBlocks(
  key: Key,
  { blocks, width, modes }: { blocks: number; width: number; modes: readonly number[] },
): Blocks<NDArray> {
  const [kernel, weight, bias] = split(key, 3);
  const shape = [...frequencyCounts(modes), blocks, width, 2 * width];
  const count = shape.reduce((total, n) => total * n, 1);
  return {
    // As small as published: powers of L start near zero and every block near an affine map with a ReLU.
    kernel: array(
      Float32Array.from(uniform(kernel, count), (value) => value / width ** 2),
      shape,
    ),
    weight: fanInUniform(width)(weight, [blocks, width, width]),
    bias: fanInUniform(width)(bias, [blocks * width]),
  };
}

/**
 * Padé blocks side by side: [batch, ...grid, blocks · w] → the same shape. L is a Fourier multiplier, so its powers are taken
 * on the kept modes, and a block costs two transforms in and two out, whatever p and q.
 */
function padeBlocks(
  { kernel, weight, bias }: Blocks<Tensor>,
  x: Tensor,
  kept: readonly KeptFrequencies[],
  degrees: Degrees,
): Tensor {
  const { numerator, denominator } = appliedCoefficients(degrees);
  const [blocks, width] = weight.shape;
  const onGrid = keptWeights(kernel, kept);
  const [modes] = onGrid.shape;
  const hermitian = hermitianWeights(reshape(onGrid, [modes, blocks * width, 2 * width]), kept);
  // The product before the transform back is with the weights themselves (`hermitianWeights`).
  const L = realForm(reshape(hermitian, [modes * blocks, width, 2 * width]));
  const last = realForm(reshape(onGrid, [modes * blocks, width, 2 * width]));

  /** Σ_j c_j L^j y: the constant term in space, the others on the modes by Horner's rule. */
  const polynomial = (coefficients: readonly number[], y: Tensor): Tensor => {
    const constantTerm = coefficients[0] === 1 ? y : mul(y, coefficients[0]);
    if (coefficients.length === 1) return constantTerm;
    const [batch] = y.shape;
    const parts = reshape(fieldToModes(y, kept), [batch, modes, 2, blocks, width]);
    const spectrum = reshape(transpose(parts, [1, 3, 0, 2, 4]), [modes * blocks, batch, 2 * width]);
    let power = mul(spectrum, coefficients[coefficients.length - 1]);
    for (let j = coefficients.length - 2; j >= 1; j--)
      power = add(matmul(power, L), mul(spectrum, coefficients[j]));
    const back = transpose(reshape(matmul(power, last), [modes, blocks, batch, 2, width]), [2, 0, 3, 1, 4]);
    return add(constantTerm, modesToField(reshape(back, [batch, modes, 2, blocks * width]), kept));
  };
  const inside = add(mapBlocks(weight, polynomial(denominator, x)), bias);
  return polynomial(numerator, relu(inside));
}

/** Each of the blocks' matrices on its part of the channels: [..., blocks · w] → the same shape. */
function mapBlocks(weight: Tensor, x: Tensor): Tensor {
  const [blocks, width] = weight.shape;
  if (blocks === 1) return matmul(x, reshape(weight, [width, width]));
  const parts = transpose(reshape(x, [-1, blocks, width]), [1, 0, 2]);
  return reshape(transpose(matmul(parts, weight), [1, 0, 2]), x.shape);
}

export const pade2d = spaceTimePade(1);
export const pade3d = spaceTimePade(2);
