/**
 * SENSE for any mask by conjugate gradients on the normal equations (Pruessmann, Weiger, Börnert & Boesiger, Magnetic Resonance in
 * Medicine 46, 2001), with Tikhonov regularisation. Its derivative is that of the iterations, which are all part of the traced
 * program, or that of the solution they converge to, which takes one more solve of the same equations in each direction; these are
 * loops, which end where they have converged.
 */
import {
  add,
  any,
  complex,
  customVjp,
  div,
  greater,
  loop,
  mul,
  neg,
  not,
  select,
  stack,
  sum,
  take,
  vjp,
  zerosLike,
  type Complex,
  type Tensor,
} from '../tensor/index.ts';
import { encodeAdjoint, normalOperator, type AcquisitionModel } from './forwardModel.ts';

export interface CgSenseOptions {
  /** λ ≥ 0 in (AᴴA + λ) z = Aᴴ x, on the scale of AᴴA: at most 1 where Σ|S|² = 1. Default 0. */
  readonly tikhonov?: number;
  /** Default 30. */
  readonly iterations?: number;
  /**
   * `iterations` (default): of what was computed. `solution`: of the image that the iterations converge to, by the implicit function
   * theorem; two thirds of the work, and wrong by as much as the iterations were stopped too early.
   */
  readonly derivative?: 'iterations' | 'solution';
}

/**
 * argmin_z |A z − x|² + λ|z|² for k-space [.., c, h, w], each image [.., h, w] by itself. Noise must be white between coils:
 * whiten k-space and sensitivities first.
 *
 * @throws unless λ ≥ 0 and there is at least one iteration.
 */
export function cgSense(
  kspace: Complex,
  model: AcquisitionModel,
  { tikhonov = 0, iterations = 30, derivative = 'iterations' }: CgSenseOptions = {},
): Complex {
  if (!(tikhonov >= 0)) throw new Error(`cgSense: tikhonov is ${tikhonov}, expected a number ≥ 0`);
  if (!Number.isInteger(iterations) || iterations < 1)
    throw new Error(`cgSense: ${iterations} iterations, expected a whole number ≥ 1`);
  const normal = (z: Complex, acquisition: AcquisitionModel): Complex =>
    complex.add(normalOperator(z, acquisition), complex.scale(tikhonov, z));
  const right = encodeAdjoint(kspace, model);
  if (derivative === 'iterations') return unrolled((z) => normal(z, model), right, iterations);
  const solve: Solve = (b, acquisition) => converged((z) => normal(z, acquisition), b, iterations);
  return implicitly(solve, normal)(right, model);
}

type Solve = (right: Complex, model: AcquisitionModel) => Complex;

/**
 * z = N⁻¹b with the derivative of the solution, dz = N⁻¹(db − dN z). N is its own adjoint, so with w = N⁻¹z̄ the cotangent of b is w
 * and that of the model is the one of −⟨w, N z⟩ at constant z.
 */
function implicitly(solve: Solve, normal: Solve): Solve {
  const solution: Solve = customVjp(
    solve,
    ([right, model], cotangent): [Complex, AcquisitionModel] => {
      const weight = solution(cotangent, model);
      const image = solution(right, model);
      const [, pull] = vjp((m: AcquisitionModel) => normal(image, m), model);
      return [weight, pull(complex.mapParts(weight, neg))[0]];
    },
    'cgSense',
  );
  return solution;
}

/** N⁻¹b after some iterations from 0, every image [.., h, w] by itself. */
function unrolled(normal: (z: Complex) => Complex, right: Complex, iterations: number): Complex {
  let state = atZero(right);
  for (let i = 0; i < iterations; i++) state = iterate(normal, state);
  return state.image;
}

/** The same in a loop, which ends sooner where all residuals are down to rounding. */
function converged(normal: (z: Complex) => Complex, right: Complex, iterations: number): Complex {
  const { image, residual, direction, energy: first } = atZero(right);
  const small = mul(rounding[first.dtype === 'float64' ? 'float64' : 'float32'] ** 2, first);
  const found = loop(
    leavesOf({ image, residual, direction, energy: first }),
    ([z, rRe, rIm, dRe, dIm, energy]) => {
      const next = iterate(normal, {
        image: { re: take(z, 0, 0), im: take(z, 0, 1) },
        residual: { re: rRe, im: rIm },
        direction: { re: dRe, im: dIm },
        energy,
      });
      return { state: leavesOf(next), done: not(any(greater(next.energy, small))) };
    },
    iterations,
  );
  return { re: take(found, 0, 0), im: take(found, 0, 1) };
}

/** |residual| over |b| that is as good as 0. */
const rounding = { float32: 1e-6, float64: 1e-14 } as const;

interface State {
  readonly image: Complex;
  readonly residual: Complex;
  readonly direction: Complex;
  /** |residual|². */
  readonly energy: Tensor;
}

/** A loop gives back its first tensor: both parts of the image in one. */
const leavesOf = ({ image, residual, direction, energy }: State): Tensor[] => [
  stack([image.re, image.im]),
  ...[residual.re, residual.im, direction.re, direction.im],
  energy,
];

const atZero = (right: Complex): State => ({
  image: complex.mapParts(right, zerosLike),
  residual: right,
  direction: right,
  energy: dot(right, right),
});

function iterate(normal: (z: Complex) => Complex, { image, residual, direction, energy }: State): State {
  const applied = normal(direction);
  const step = ratio(energy, dot(direction, applied));
  const left = complex.sub(residual, complex.scale(step, applied));
  const next = dot(left, left);
  return {
    image: complex.add(image, complex.scale(step, direction)),
    residual: left,
    direction: complex.add(left, complex.scale(ratio(next, energy), direction)),
    energy: next,
  };
}

/** Re⟨a, b⟩ over the pixels of each image: [.., 1, 1]. */
const dot = (a: Complex, b: Complex): Tensor =>
  sum(add(mul(a.re, b.re), mul(a.im, b.im)), [-2, -1], { keepDims: true });

/** a/b, and 0 for an image that has converged to the last bit or is zero, where both are. */
function ratio(a: Tensor, b: Tensor): Tensor {
  const positive = greater(b, 1e-30);
  return select(positive, div(a, select(positive, b, 1, b.dtype)), 0, a.dtype);
}
