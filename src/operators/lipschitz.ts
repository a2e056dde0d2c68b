/**
 * The Lipschitz theorem of the Padé operator, live (Gupta, Xiao, Balan & Bogdan 2022): for y = A(L) σ(W B(L) x + b) with
 * σ 1-Lipschitz and ‖L‖ = m,
 *
 *   ‖∂y/∂θ‖ ≤ e^m (‖b‖ + ‖W‖ ‖x‖) (Σ_j ‖∂L/∂θ_j‖²)^½   (1)
 *   ‖∂y/∂W‖ ≤ e^m ‖x‖                                   (2)
 *   ‖∂y/∂b‖ ≤ e^(m p/(p+q))                             (3)
 *
 * independently of p and q. Here b is one vector for all n points, that is the constant field 1 ⊗ b: its norm is √n ‖b‖,
 * and (3) gains the factor √n of that embedding. Norms of fields are Euclidean over points and channels.
 */
import { Matrix, SingularValueDecomposition } from 'ml-matrix';
import {
  array,
  compile,
  linearize,
  mul,
  pow,
  specsOf,
  sqrt,
  square,
  sum,
  vjp,
  type NDArray,
  type Tensor,
} from '../tensor/index.ts';
import { key, normal } from '../tensor/random.ts';
import { padeBlock, type Degrees, type PadeBlock } from './padeBlock.ts';

export interface LipschitzReport {
  /** ‖L‖ and ‖W‖, spectral norms. */
  readonly normL: number;
  readonly normW: number;
  readonly bounds: GradientNorms;
  /** Operator norms of the Jacobians at x, by power iteration. */
  readonly measured: GradientNorms;
}

export interface GradientNorms {
  readonly kernel: number;
  readonly weight: number;
  readonly bias: number;
}

const largestSingularValue = (rows: number[][]): number =>
  new SingularValueDecomposition(new Matrix(rows)).norm2;

/** ‖L‖ = max_k ‖L̂(k)‖₂ of a Fourier multiplier [modes, w, 2w] on real fields. */
export function multiplierNorm(kernel: NDArray): number {
  const [modes, width] = kernel.shape;
  const entry = (k: number, i: number, j: number): number => kernel.data[(k * width + i) * 2 * width + j];
  let largest = 0;
  for (let k = 0; k < modes; k++) {
    // Mode 0 of a real field is real: only the real part of its matrix acts.
    const blocks = k === 0 ? 1 : 2;
    const rows = Array.from({ length: blocks * width }, (_, r) =>
      Array.from({ length: blocks * width }, (__, c) => {
        const [i, j] = [r % width, c % width];
        const sameHalf = r < width === c < width;
        return sameHalf ? entry(k, i, j) : r < width ? entry(k, i, width + j) : -entry(k, i, width + j);
      }),
    );
    largest = Math.max(largest, largestSingularValue(rows));
  }
  return largest;
}

/**
 * Bounds and measured gradient norms of a block at a field x [1, n, w].
 *
 * @throws if the shapes of block and field do not fit.
 */
export async function lipschitzReport(
  block: PadeBlock,
  x: NDArray,
  degrees: Degrees,
): Promise<LipschitzReport> {
  const { p, q } = degrees;
  const [, points, width] = x.shape;
  const [modes] = block.kernel.shape;
  const normL = multiplierNorm(block.kernel);
  const normW = largestSingularValue(
    Array.from({ length: width }, (_, i) => Array.from(block.weight.data.slice(i * width, (i + 1) * width))),
  );
  const normB = Math.sqrt(points) * euclidean(block.bias);
  const normX = euclidean(x);
  // Every real parameter of a mode scales one entry, ‖∂L/∂θ_j‖ = 1; the imaginary part of mode 0 has no effect.
  const parameterNorm = Math.sqrt((2 * modes - 1) * width * width);
  const bounds: GradientNorms = {
    kernel: Math.exp(normL) * (normB + normW * normX) * parameterNorm,
    weight: Math.exp(normL) * normX,
    bias: Math.exp((normL * p) / (p + q)) * Math.sqrt(points),
  };
  const measure = (name: keyof PadeBlock): Promise<number> =>
    jacobianNorm(
      (parameter, rest, field) => padeBlock({ ...rest, [name]: parameter }, field, degrees),
      block[name],
      block,
      x,
    );
  const measured = {
    kernel: await measure('kernel'),
    weight: await measure('weight'),
    bias: await measure('bias'),
  };
  return { normL, normW, bounds, measured };
}

const euclidean = ({ data }: NDArray): number =>
  Math.sqrt((data as Float64Array).reduce((total, v) => total + v * v, 0));

/** ‖J‖₂ of f in its first argument, by power iteration on JᵀJ in float64 until it moves by less than 10⁻⁶. */
async function jacobianNorm(
  f: (parameter: Tensor, rest: PadeBlock<Tensor>, x: Tensor) => Tensor,
  parameter: NDArray,
  rest: PadeBlock,
  x: NDArray,
): Promise<number> {
  const program = await compile(
    (at: Tensor, direction: Tensor, others: PadeBlock<Tensor>, field: Tensor) => {
      const apply = (theta: Tensor): Tensor => f(theta, others, field);
      const unit = mul(direction, reciprocalNorm(direction));
      const [, push] = linearize(apply, at);
      const [, pull] = vjp(apply, at);
      const [back] = pull(push(unit));
      return { next: back, gain: sqrt(sum(square(back))) };
    },
    [specsOf(parameter), specsOf(parameter), specsOf(rest), specsOf(x)] as never,
    { dtype: 'float64' },
  );
  try {
    let direction: NDArray = array(normal(key(7), parameter.data.length), parameter.shape);
    let norm = 0;
    for (let i = 0; i < 500; i++) {
      const { next, gain } = (await program.run([
        parameter,
        direction,
        rest,
        x,
      ] as never)) as unknown as Record<'next' | 'gain', NDArray>;
      const estimate = Math.sqrt(gain.data[0]);
      if (!(estimate > 0) || Math.abs(estimate - norm) <= 1e-6 * estimate) return estimate;
      norm = estimate;
      direction = next;
    }
    return norm;
  } finally {
    await program.dispose();
  }
}

const reciprocalNorm = (v: Tensor): Tensor => pow(sum(square(v)), -0.5);
