/** Gaussians with structure: full covariance, mixtures, and one Gaussian a class. */
import { z } from 'zod';
import {
  add,
  array,
  cast,
  constant,
  cumulativeSum,
  equal,
  exp,
  expandDims,
  greaterEqual,
  identityMatrix,
  indicator,
  logSoftmax,
  logSumExp,
  matmul,
  mul,
  neg,
  select,
  sliceAxis,
  softmax,
  square,
  sub,
  sum,
  transpose,
  type NDArray,
  type Tensor,
} from '../../tensor/index.ts';
import { normalInitialiser, zerosInitialiser } from '../../nn/index.ts';
import { normal as drawNormal, split, uniform as drawUniform, type Key } from '../../tensor/random.ts';
import { lowerInverse, strictTriangle } from '../triangular.ts';
import { base } from './base.ts';
import { LOG_SQRT_2PI } from './independent.ts';

/** N(μ, L Lᵀ), L lower triangular with diagonal e^D. */
export const fullNormal = base('full-normal', {
  title: 'Normal, full covariance',
  options: z.strictObject({}),
  examples: [{}],
  init: (key, d) => ({
    location: zerosInitialiser(key, [d]),
    lower: zerosInitialiser(key, [d, d]),
    logDiagonal: zerosInitialiser(key, [d]),
  }),
  logProb({ location, lower, logDiagonal }, x) {
    const whitened = matmul(sub(x, location), transpose(lowerInverse(factor(lower, logDiagonal))));
    return sub(standardNormal(whitened), sum(logDiagonal));
  },
  draw: (key, n, d) => array(drawNormal(key, n * d), [n, d]),
  transport: ({ location, lower, logDiagonal }, rows) =>
    add(location, matmul(rows, transpose(factor(lower, logDiagonal)))),
});

const factor = (lower: Tensor, logDiagonal: Tensor): Tensor =>
  add(strictTriangle(lower, 'lower'), mul(identityMatrix(logDiagonal.shape[0]), exp(logDiagonal)));

/** Σ log N(u; 0, 1) over the last axis. */
const standardNormal = (u: Tensor): Tensor => sum(sub(mul(-0.5, square(u)), LOG_SQRT_2PI), -1);

interface Components<Leaf = NDArray> {
  /** `[k, d]` */
  readonly means: Leaf;
  readonly logScales: Leaf;
  /** `[k]` */
  readonly logits: Leaf;
}

const initComponents = (key: Key, k: number, d: number, spread: number): Components => ({
  means: normalInitialiser(0, spread)(key, [k, d]),
  logScales: zerosInitialiser(key, [k, d]),
  logits: zerosInitialiser(key, [k]),
});

/** log N(x; μ_k, σ_k²) of every component: `[batch, k]`. */
function componentDensities({ means, logScales }: Components<Tensor>, x: Tensor): Tensor {
  const u = mul(sub(expandDims(x, 1), means), exp(neg(logScales)));
  return sub(standardNormal(u), sum(logScales, 1));
}

/** One normal number an entry, and one uniform number that chooses the component. */
function drawComponents(key: Key, n: number, d: number): NDArray {
  const [entries, choice] = split(key, 2);
  const z = drawNormal(entries, n * d);
  const u = drawUniform(choice, n);
  const rows = new Float64Array(n * (d + 1));
  for (let i = 0; i < n; i++) {
    rows.set(z.subarray(i * d, (i + 1) * d), i * (d + 1));
    rows[i * (d + 1) + d] = u[i];
  }
  return array(rows, [n, d + 1]);
}

/**
 * 0/1 `[batch, k]`: the component whose part of [0, 1), by weight, holds the uniform number u `[batch, 1]`. Logits are `[k]`, or
 * `[batch, k]` for weights of each sample's own.
 */
export function chosenComponent(logits: Tensor, u: Tensor): Tensor {
  const last = logits.rank - 1;
  const k = logits.shape[last];
  const ends = cumulativeSum(softmax(logits), last);
  const passed = sum(indicator(greaterEqual(u, sliceAxis(ends, last, 0, k - 1))), 1, { keepDims: true });
  return indicator(equal(cast(passed, 'int32'), constant(Int32Array.from({ length: k }, (_, i) => i))));
}

function fromComponents({ means, logScales }: Components<Tensor>, chosen: Tensor, rows: Tensor): Tensor {
  const d = means.shape[1];
  return add(matmul(chosen, means), mul(matmul(chosen, exp(logScales)), sliceAxis(rows, 1, 0, d)));
}

/** Σ_k w_k N(μ_k, diag σ_k²). */
export const gaussianMixture = base('gaussian-mixture', {
  title: 'Mixture of Gaussians',
  options: z.strictObject({
    components: z.int().positive().default(8),
    /** Standard deviation of the first means. */
    spread: z.number().positive().default(2),
  }),
  examples: [{ components: 3 }, { components: 1 }],
  init: (key, d, { components, spread }) => initComponents(key, components, d, spread),
  logProb: (p, x) => logSumExp(add(componentDensities(p, x), logSoftmax(p.logits)), 1),
  draw: (key, n, d) => drawComponents(key, n, d),
  transport: (p, rows) =>
    fromComponents(p, chosenComponent(p.logits, sliceAxis(rows, 1, rows.shape[1] - 1)), rows),
});

/**
 * One Gaussian a class: log N(x; μ_y, diag σ_y²) where labels are given, and the mixture over the classes, with equal weights at
 * first, where they are not (Izmailov et al. 2020, FlowGMM).
 */
export const classGaussians = base('class-gaussians', {
  title: 'One Gaussian a class',
  options: z.strictObject({
    classes: z.int().positive().default(2),
    spread: z.number().positive().default(3),
  }),
  examples: [{ classes: 3 }],
  init: (key, d, { classes, spread }) => initComponents(key, classes, d, spread),
  logProb(p, x, { label, options: { classes } }) {
    const densities = componentDensities(p, x);
    if (!label) return logSumExp(add(densities, logSoftmax(p.logits)), 1);
    return sum(select(isClass(label, classes), densities, 0), 1);
  },
  draw: (key, n, d) => drawComponents(key, n, d),
  transport: (p, rows, { label, options: { classes } }) =>
    fromComponents(
      p,
      label
        ? indicator(isClass(label, classes))
        : chosenComponent(p.logits, sliceAxis(rows, 1, rows.shape[1] - 1)),
      rows,
    ),
});

/** `[batch, classes]`, bool. */
const isClass = (label: Tensor, classes: number): Tensor =>
  equal(expandDims(label, 1), constant(Int32Array.from({ length: classes }, (_, i) => i)));
