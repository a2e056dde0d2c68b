/** What tests of noise maps share: small acquisitions of a phantom, and measures of agreement. */
import { brainPhantom } from '../../datasets/mri/phantoms.ts';
import { encode, sense } from '../../src/mri/index.ts';
import type { NoisyAcquisition } from '../../src/mri/kspaceNoise.ts';
import type { Reconstruct } from '../../src/mri/reconstruction.ts';
import { array, type Complex, type ComplexArray, type NDArray } from '../../src/tensor/index.ts';
import { key } from '../../src/tensor/random.ts';
import { evaluate, numbers } from './support.ts';

export const exact = { dtype: 'float64', threads: 1 } as const;
export const uniform = (w: number, R: number): NDArray =>
  array(
    Float64Array.from({ length: w }, (_, k) => (k % R === 0 ? 1 : 0)),
    [1, w],
  );
export const rms = (values: ArrayLike<number>): number =>
  Math.sqrt(Array.from(values, (v) => v * v).reduce((a, b) => a + b, 0) / values.length);
export const relative = (a: NDArray, b: NDArray): Float64Array => numbers(a).map((v, i) => v / b.data[i] - 1);

export async function acquire(
  size: readonly [number, number],
  sensitivities: ComplexArray,
  mask: NDArray,
): Promise<Omit<NoisyAcquisition, 'noise'>> {
  const kspace = await evaluate((z, s, m) => encode(z, { sensitivities: s, mask: m }), [
    brainPhantom(key(1), size),
    sensitivities,
    mask,
  ] as const);
  return { kspace, mask, sensitivities };
}

export const senseAt =
  (acceleration: number): Reconstruct =>
  ({ kspace, sensitivities }) =>
    sense(kspace, sensitivities as Complex, { acceleration });
