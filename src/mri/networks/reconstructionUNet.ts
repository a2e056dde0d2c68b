/** A U-Net that removes the artefacts of a zero-filled image: the baseline of fastMRI (Zbontar et al. 2018, arXiv 1811.08839, section 5). */
import {
  add,
  div,
  expandDims,
  ifft2c,
  mean,
  mul,
  sqrt,
  squeeze,
  sub,
  variance,
  type NDArray,
  type Tensor,
} from '../../tensor/index.ts';
import type { Key } from '../../tensor/random.ts';
import { rootSumOfSquares } from '../combine.ts';
import { maskedData, type UndersampledData } from './undersampled.ts';
import { uNet, type UNetOptions, type UNetParameters } from './uNet.ts';

export type ReconstructionUNetOptions = Pick<UNetOptions, 'channels' | 'pools' | 'weights'>;

export const reconstructionUNet = {
  init: (key: Key, options: ReconstructionUNetOptions): UNetParameters<NDArray> =>
    uNet.init(key, { ...options, inputs: 1, outputs: 1 }),

  /**
   * Magnitude image [batch, h, w]: the root of sum of squares of the zero-filled coil images, with mean 0 and deviation 1 going into
   * the U-Net and its own coming out. @throws if the shapes of k-space and mask do not agree, or the image is too small for the pools.
   */
  apply(parameters: UNetParameters<Tensor>, data: UndersampledData): Tensor {
    const { measured } = maskedData(data);
    const zeroFilled = rootSumOfSquares(ifft2c(measured));
    const centre = mean(zeroFilled, [1, 2], { keepDims: true });
    const deviation = sqrt(variance(zeroFilled, [1, 2], { keepDims: true, correction: 1 }));
    const y = uNet.apply(parameters, expandDims(div(sub(zeroFilled, centre), deviation), 1));
    return add(mul(squeeze(y, 1), deviation), centre);
  },
};
