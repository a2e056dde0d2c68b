/** Whether first order is enough: the change of the output under noise of full size against the Jacobian times the same noise. */
import {
  compile,
  jvp,
  mul,
  sizeOf,
  spec,
  specsOf,
  stack,
  sub,
  zeros,
  type NDArray,
  type Program,
  type Tensor,
} from '../tensor/index.ts';
import { foldIn, key, normal } from '../tensor/random.ts';
import type { Perturbed, Traced } from './perturbed.ts';
import { compileOptions, type PrecisionChoice } from './precision.ts';

export interface LinearisationOptions extends PrecisionChoice {
  /** Draws of the noise; default 4. */
  readonly draws?: number | undefined;
  /** Default 0. */
  readonly seed?: number | undefined;
  /** Outputs that count, 0 elsewhere, [...sites]; default all. */
  readonly interest?: ArrayLike<number> | undefined;
}

/**
 * ‖f(x + L z) − f(x) − J L z‖₂ / ‖J L z‖₂ over draws of z: 0 for a linear function, and small where the linearisation holds for noise
 * of this size. Both are evaluated in float32 unless said otherwise, so that rounding alone leaves about 1e-6 ‖f(x)‖ / ‖J L z‖.
 */
export async function linearisationError<A>(
  { f, args, noise, scale }: Perturbed<A>,
  { draws = 4, seed = 0, interest, ...choice }: LinearisationOptions = {},
): Promise<number> {
  const compared = (given: Traced<A>, z: Tensor): Tensor => {
    const at = (point: Tensor): Tensor => f(point, given);
    const step = mul(scale, z);
    const [value, linear] = jvp(at, [zeros(noise)], [step]);
    return stack([linear, sub(at(step), value)], 0);
  };
  // The types of a tree that the caller chose are known to the caller alone.
  const program = (await compile(
    compared as never,
    [specsOf(args), spec(noise)] as never,
    compileOptions(choice),
  )) as Program<readonly unknown[], NDArray>;
  try {
    let [difference, size] = [0, 0];
    for (let j = 0; j < draws; j++) {
      const z = {
        data: normal(foldIn(key(seed), j), sizeOf(noise)),
        shape: noise,
        dtype: 'float64',
      } as const;
      const { data } = await program.run([args, z]);
      const half = data.length / 2;
      for (let i = 0; i < half; i++) {
        if (interest && interest[i % interest.length] === 0) continue;
        difference += (data[half + i] - data[i]) ** 2;
        size += data[i] ** 2;
      }
    }
    return size === 0 ? (difference === 0 ? 0 : Infinity) : Math.sqrt(difference / size);
  } finally {
    await program.dispose();
  }
}
