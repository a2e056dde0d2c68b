/**
 * How near an image is to its reference, one value a sample: traced, so that each is a metric and a loss. Definitions are those of
 * fastMRI (Zbontar et al. 2018, arXiv 1811.08839), whose numbers are comparable where the data range is the maximum of the volume.
 */
import {
  add,
  concat,
  constant,
  conv,
  div,
  expandDims,
  log,
  mean,
  mul,
  sameShape,
  showShape,
  sliceAxis,
  square,
  squeeze,
  sub,
  sum,
  type Tensor,
} from '../tensor/index.ts';

/** Side of the window. */
const WINDOW = 7;
const [K1, K2] = [0.01, 0.03];
/** From the mean of squares to the sample covariance, which divides by one fewer. */
const COVARIANCE_SCALE = WINDOW ** 2 / (WINDOW ** 2 - 1);

/**
 * Structural similarity [batch] (Wang, Bovik, Sheikh & Simoncelli, IEEE Transactions on Image Processing 13, 2004) of images
 * [batch, h, w]: the mean over all whole windows of 7 × 7 pixels of equal weight, k₁ = 0.01, k₂ = 0.03, covariances divided by 48.
 * At most 1, which it is for equal images; as a loss take 1 minus it. `dataRange` [batch] is the span of intensities.
 *
 * @throws if the shapes do not agree or an image is smaller than a window.
 */
export function ssim(image: Tensor, reference: Tensor, dataRange: Tensor): Tensor {
  checkImages('ssim', image, reference, dataRange);
  const [batch, h, w] = image.shape;
  if (Math.min(h, w) < WINDOW)
    throw new Error(`ssim: images of ${h} × ${w}, expected at least ${WINDOW} × ${WINDOW} pixels`);
  // In units of the range, so that neither squares nor the constants leave the accuracy of float32.
  const [x, y] = [image, reference].map((z) => div(z, expandDims(dataRange, [1, 2])));
  const moments = windowMeans(concat([x, y, square(x), square(y), mul(x, y)], 0));
  const [mx, my, mxx, myy, mxy] = Array.from({ length: 5 }, (_, i) =>
    sliceAxis(moments, 0, i * batch, (i + 1) * batch),
  );
  const covariance = (product: Tensor, a: Tensor, b: Tensor): Tensor =>
    mul(COVARIANCE_SCALE, sub(product, mul(a, b)));
  const means = div(add(mul(2, mul(mx, my)), K1 ** 2), add(add(square(mx), square(my)), K1 ** 2));
  const structures = div(
    add(mul(2, covariance(mxy, mx, my)), K2 ** 2),
    add(add(covariance(mxx, mx, mx), covariance(myy, my, my)), K2 ** 2),
  );
  return mean(mul(means, structures), [1, 2]);
}

/** Normalised mean squared error ‖image − reference‖² / ‖reference‖² [batch] of images [batch, h, w]. @throws unless shapes agree. */
export function nmse(image: Tensor, reference: Tensor): Tensor {
  checkImages('nmse', image, reference);
  return div(sum(square(sub(image, reference)), [1, 2]), sum(square(reference), [1, 2]));
}

/** Peak signal to noise ratio 10 log₁₀(range² / mean squared error) [batch], in decibels. @throws unless shapes agree. */
export function psnr(image: Tensor, reference: Tensor, dataRange: Tensor): Tensor {
  checkImages('psnr', image, reference, dataRange);
  const error = mean(square(sub(image, reference)), [1, 2]);
  return mul(10 / Math.LN10, log(div(square(dataRange), error)));
}

/** Means over all whole windows: [n, h, w] → [n, h − 6, w − 6]. */
function windowMeans(x: Tensor): Tensor {
  const weight = constant(
    new Float64Array(WINDOW ** 2).fill(1 / WINDOW ** 2),
    [1, 1, WINDOW, WINDOW],
    x.dtype,
  );
  return squeeze(conv(expandDims(x, 1), weight), 1);
}

function checkImages(name: string, image: Tensor, reference: Tensor, dataRange?: Tensor): void {
  if (
    image.rank === 3 &&
    sameShape(image.shape, reference.shape) &&
    (!dataRange || sameShape(dataRange.shape, [image.shape[0]]))
  )
    return;
  const given = [image, reference, ...(dataRange ? [dataRange] : [])].map(({ shape }) => showShape(shape));
  throw new Error(
    `${name}: got ${given.join(', ')}; expected images of one shape [batch, h, w]${dataRange ? ' and a data range [batch]' : ''}`,
  );
}
