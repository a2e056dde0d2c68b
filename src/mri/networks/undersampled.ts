/** What a reconstruction network is given: k-space in batches, and masks for all samples or for each. */
import { reshape, showShape, type Complex, type Tensor } from '../../tensor/index.ts';
import { applyMask } from '../forwardModel.ts';

/** Undersampled k-space and where it was sampled. */
export interface UndersampledData {
  /** [batch, c, h, w]; values that were not sampled are not looked at. */
  readonly kspace: Complex;
  /** 1 where k-space was sampled, 0 elsewhere: [w], [1, w] or [h, w] for all samples, [batch, 1 | h, w] with one each. */
  readonly mask: Tensor;
}

/**
 * k-space with zeros where it was not sampled, and the mask as [batch | 1, 1, h | 1, w].
 *
 * @throws if the shapes of k-space and mask do not agree.
 */
export function maskedData({ kspace, mask }: UndersampledData): {
  readonly measured: Complex;
  readonly mask: Tensor;
} {
  const { shape } = kspace.re;
  const [batch, , h, w] = shape;
  const leading = [1, 1, 1].slice(mask.rank).concat(mask.shape.slice(0, -1));
  const [samples, rows] = leading;
  if (
    shape.length !== 4 ||
    mask.rank < 1 ||
    mask.rank > 3 ||
    mask.shape[mask.rank - 1] !== w ||
    ![1, h].includes(rows) ||
    ![1, batch].includes(samples)
  ) {
    throw new Error(
      `reconstruction: k-space is ${showShape(shape)} and the mask ${showShape(mask.shape)}; expected k-space [batch, coils, h, w] and a mask [w], [h, w] or [batch, h, w] (h may be 1)`,
    );
  }
  const aligned = reshape(mask, [samples, 1, rows, w]);
  return { measured: applyMask(kspace, aligned), mask: aligned };
}
