/** A U-Net on complex images that does not feel their scale (Sriram et al. 2020, "End-to-End Variational Networks", arXiv 2004.06688). */
import {
  add,
  concat,
  div,
  greater,
  mean,
  mul,
  pad,
  select,
  sliceAxis,
  sqrt,
  sub,
  variance,
  type Complex,
  type Tensor,
} from '../../tensor/index.ts';
import type { Key } from '../../tensor/random.ts';
import { uNet, type UNetOptions, type UNetParameters } from './uNet.ts';

/** Height and width are filled up with zeros to a multiple of this. */
const MULTIPLE = 16;

export const normUNet = {
  /** A U-Net of 2·`images` channels in and out: all real parts, then all imaginary parts. */
  init: (
    key: Key,
    { images = 1, ...sizes }: Omit<UNetOptions, 'inputs' | 'outputs'> & { readonly images?: number },
  ): UNetParameters => uNet.init(key, { ...sizes, inputs: 2 * images, outputs: 2 * images }),

  /**
   * Complex images [batch, images, h, w] → the same shape. Real and imaginary parts of a sample each have their mean taken off and are
   * divided by their standard deviation (dividing by n − 1), zeros are put around them, and both are undone behind the U-Net. A
   * part that is constant is only shifted.
   */
  apply(parameters: UNetParameters<Tensor>, z: Complex): Complex {
    const [, images, h, w] = z.re.shape;
    const [re, im] = [standardise(z.re), standardise(z.im)];
    const [rows, columns] = [margins(h), margins(w)];
    const padded = pad(
      concat([re.normal, im.normal], 1),
      [0, 0, rows[0], columns[0]],
      [0, 0, rows[1], columns[1]],
    );
    const y = uNet.apply(parameters, padded);
    const inside = sliceAxis(sliceAxis(y, 2, rows[0], rows[0] + h), 3, columns[0], columns[0] + w);
    const restored = (part: Tensor, { deviation, centre }: Standardised): Tensor =>
      add(mul(part, deviation), centre);
    return {
      re: restored(sliceAxis(inside, 1, 0, images), re),
      im: restored(sliceAxis(inside, 1, images), im),
    };
  },
};

interface Standardised {
  readonly normal: Tensor;
  /** [batch, 1, 1, 1] both. */
  readonly centre: Tensor;
  readonly deviation: Tensor;
}

/** Each sample of x [batch, images, h, w] with mean 0 and deviation 1. */
function standardise(x: Tensor): Standardised {
  const axes = { keepDims: true };
  const centre = mean(x, [1, 2, 3], axes);
  const spread = variance(x, [1, 2, 3], { ...axes, correction: 1 });
  const varies = greater(spread, 0);
  // The root is taken of 1 where the spread is 0: its derivative there would be infinite.
  const divisor = sqrt(select(varies, spread, 1, x.dtype));
  return {
    normal: div(sub(x, centre), divisor),
    centre,
    deviation: select(varies, divisor, 0, x.dtype),
  };
}

/** Zeros before and behind n values that make their number a multiple of 16; an odd one goes behind. */
function margins(n: number): readonly [before: number, behind: number] {
  const missing = (MULTIPLE - (n % MULTIPLE)) % MULTIPLE;
  return [Math.floor(missing / 2), Math.ceil(missing / 2)];
}
