/**
 * Linear layers. They act on the channel axis: on all entries of a vector, and at every pixel of an image alike, where they are
 * invertible 1×1 convolutions (Kingma & Dhariwal 2018) whose log-determinant counts once a pixel.
 */
import { Matrix } from 'ml-matrix';
import { z } from 'zod';
import {
  add,
  array,
  exp,
  identityMatrix,
  matmul,
  mul,
  neg,
  sub,
  sum,
  transpose,
  zeros,
  type NDArray,
  type Tensor,
} from '../../tensor/index.ts';
import { normalInitialiser, zerosInitialiser } from '../../nn/index.ts';
import { key as seedKey, permutation as drawPermutation, split } from '../../tensor/random.ts';
import { layer } from '../layer.ts';
import { isometry, matrixConstants, triangle } from '../lipschitzConstants.ts';
import { pick } from '../masks.ts';
import { principalDirections } from '../principal.ts';
import { alongChannels, channelsOf, mixChannels, perSample, pixelsOf } from '../samples.ts';
import { lowerInverse, strictTriangle } from '../triangular.ts';

const imagesAndVectors = [{ shape: [1] }, { shape: [2] }, { shape: [5] }, { shape: [3, 2, 1] }];

const smallMatrix = normalInitialiser(0, 0.01);

/** b that is added to a sample of that shape. */
const shiftOf = (bias: Tensor, x: Tensor): Tensor => alongChannels(bias, x.shape.slice(1));

const logDetOf = (logDiagonal: Tensor, x: Tensor): Tensor =>
  perSample(mul(pixelsOf(x.shape.slice(1)), sum(logDiagonal)), x);

/** e^D + the strict upper triangle. */
const upperOf = (upper: Tensor, logDiagonal: Tensor): Tensor =>
  add(strictTriangle(upper, 'upper'), mul(identityMatrix(logDiagonal.shape[0]), exp(logDiagonal)));

/** U⁻¹ by way of the transpose. */
const upperInverse = (upper: Tensor): Tensor => transpose(lowerInverse(transpose(upper)));

/** y = L U x + b, L unit lower triangular, U upper triangular with a positive diagonal; log|det| = Σ log u_ii. */
export const lu = layer('lu', {
  title: 'Linear, LU',
  source: 'Kingma & Dhariwal 2018 (Glow), equation 10',
  options: z.strictObject({}),
  examples: imagesAndVectors,
  init(key, { shape }) {
    const n = channelsOf(shape);
    const [lower, upper] = split(key, 2);
    return {
      lower: smallMatrix(lower, [n, n]),
      upper: smallMatrix(upper, [n, n]),
      logDiagonal: zerosInitialiser(key, [n]),
      bias: zerosInitialiser(key, [n]),
    };
  },
  forward: ({ lower, upper, logDiagonal, bias }, x) => ({
    y: add(mixChannels(matmul(unitLower(lower), upperOf(upper, logDiagonal)), x), shiftOf(bias, x)),
    logDet: logDetOf(logDiagonal, x),
  }),
  inverse({ lower, upper, logDiagonal, bias }, y) {
    const inverse = matmul(upperInverse(upperOf(upper, logDiagonal)), lowerInverse(unitLower(lower)));
    return { x: mixChannels(inverse, sub(y, shiftOf(bias, y))), logDet: neg(logDetOf(logDiagonal, y)) };
  },
  lipschitz: ({ lower, upper, logDiagonal }) =>
    matrixConstants(triangle(lower, 'lower', 1).mmul(triangle(upper, 'upper', logDiagonal.data))),
});

const unitLower = (lower: Tensor): Tensor =>
  add(strictTriangle(lower, 'lower'), identityMatrix(lower.shape[0]));

/**
 * The product H₁ H₂ … H_k of Householder reflections I − 2vvᵀ/vᵀv, vectors in the columns of V `[n, k]`, as one matrix I − V T Vᵀ,
 * where T⁻¹ is the upper triangle of VᵀV with its diagonal halved (Joffrain, Low, Quintana-Ortí, van de Geijn & Van Zee 2006).
 */
export function householderProduct(V: Tensor): Tensor {
  const [n, k] = V.shape;
  const products = matmul(transpose(V), V);
  const half = mul(mul(products, identityMatrix(k)), 0.5);
  const T = upperInverse(add(strictTriangle(products, 'upper'), half));
  return sub(identityMatrix(n), matmul(V, matmul(T, transpose(V))));
}

/** y = Q R x + b, Q a product of n Householder reflections, R upper triangular with a positive diagonal. */
export const qr = layer('qr', {
  title: 'Linear, QR (Householder)',
  source: 'Hoogeboom, van den Berg & Welling 2019; Tomczak & Welling 2016',
  options: z.strictObject({}),
  examples: imagesAndVectors,
  init(key, { shape }) {
    const n = channelsOf(shape);
    const [vectors, upper] = split(key, 2);
    return {
      reflections: normalInitialiser()(vectors, [n, n]),
      upper: smallMatrix(upper, [n, n]),
      logDiagonal: zerosInitialiser(key, [n]),
      bias: zerosInitialiser(key, [n]),
    };
  },
  forward: ({ reflections, upper, logDiagonal, bias }, x) => ({
    y: add(
      mixChannels(matmul(householderProduct(reflections), upperOf(upper, logDiagonal)), x),
      shiftOf(bias, x),
    ),
    logDet: logDetOf(logDiagonal, x),
  }),
  inverse({ reflections, upper, logDiagonal, bias }, y) {
    const inverse = matmul(
      upperInverse(upperOf(upper, logDiagonal)),
      transpose(householderProduct(reflections)),
    );
    return { x: mixChannels(inverse, sub(y, shiftOf(bias, y))), logDet: neg(logDetOf(logDiagonal, y)) };
  },
  // Q changes no length.
  lipschitz: ({ upper, logDiagonal }) => matrixConstants(triangle(upper, 'upper', logDiagonal.data)),
});

/**
 * y = Q x, Q a product of Householder reflections (as many as entries, unless told otherwise); |det| = 1. With k of them, fewer than
 * entries, it begins at the k principal directions of vectors it is first shown, which it turns to the first k entries.
 */
export const orthogonal = layer('orthogonal', {
  title: 'Orthogonal (Householder)',
  source: 'Tomczak & Welling 2016',
  options: z.strictObject({ reflections: z.int().positive().optional() }),
  conformal: true,
  examples: [...imagesAndVectors, { shape: [5], options: { reflections: 2 } }],
  init: (key, { shape }, { reflections }) => ({
    reflections: normalInitialiser()(key, [channelsOf(shape), reflections ?? channelsOf(shape)]),
  }),
  forward: (p, x) => ({ y: mixChannels(householderProduct(p.reflections), x), logDet: noChange(x) }),
  inverse: (p, y) => ({
    x: mixChannels(transpose(householderProduct(p.reflections)), y),
    logDet: noChange(y),
  }),
  lipschitz: () => isometry,
  calibrate(p, x, stage) {
    const [n, k] = p.reflections.shape;
    return stage === 'end' || x.shape.length > 2 || k >= n
      ? p
      : { reflections: reflectionsOnto(principalDirections(x, k).directions) };
  },
});

/**
 * Vectors `[n, k]` of reflections with H₁ H₂ … H_k d_i = ±e_i for orthonormal directions d_i `[n, k]`: those of Householder's QR of
 * the directions, in reverse.
 */
function reflectionsOnto(directions: Matrix): NDArray {
  const [n, k] = [directions.rows, directions.columns];
  const rest = directions.clone();
  const vectors = new Matrix(n, k);
  for (let i = 0; i < k; i++) {
    const v = new Float64Array(n);
    for (let j = i; j < n; j++) v[j] = rest.get(j, i);
    v[i] += Math.sign(v[i] || 1) * Math.hypot(...v);
    const column = Matrix.columnVector(v);
    const along = column
      .transpose()
      .mmul(rest)
      .mul(2 / v.reduce((total, w) => total + w * w, 0));
    rest.sub(column.mmul(along));
    vectors.setColumn(k - 1 - i, v);
  }
  return array(Float32Array.from(vectors.to1DArray()), [n, k], 'float32');
}

const noChange = (x: Tensor): Tensor => zeros([x.shape[0]], x.dtype);

interface PermutationOptions {
  readonly order: 'reverse' | 'roll' | 'random';
  readonly seed: number;
}

/** y_i = x_{π(i)} along the channel axis; `seed` chooses a random π. */
export const permutation = layer('permutation', {
  title: 'Permutation',
  source: 'Dinh, Krueger & Bengio 2015',
  options: z.strictObject({
    order: z.enum(['reverse', 'roll', 'random']).default('reverse'),
    seed: z.int().min(0).default(0),
  }),
  conformal: true,
  examples: [
    { shape: [5] },
    { shape: [8], options: { order: 'random', seed: 3 } },
    { shape: [3, 2, 1], options: { order: 'roll' } },
  ],
  init: () => ({}),
  forward: (_, x, { options }) => ({ y: pick(x, orderOf(x.shape[1], options)), logDet: noChange(x) }),
  inverse(_, y, { options }) {
    const order = orderOf(y.shape[1], options);
    const back = new Int32Array(order.length);
    order.forEach((from, to) => (back[from] = to));
    return { x: pick(y, back), logDet: noChange(y) };
  },
  lipschitz: () => isometry,
});

function orderOf(n: number, { order, seed }: PermutationOptions): Int32Array {
  if (order === 'random') return drawPermutation(seedKey(seed), n);
  return Int32Array.from({ length: n }, (_, i) => (order === 'reverse' ? n - 1 - i : (i + 1) % n));
}
