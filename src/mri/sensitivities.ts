/** Sensitivities of the coils from the k-space that they measured: one way in for all methods. */
import {
  compile,
  complex,
  complexArray,
  constant,
  ifft2c,
  mul,
  specsOf,
  type Complex,
  type ComplexArray,
} from '../tensor/index.ts';
import { calibrationData } from './calibration.ts';
import { walshSensitivities } from './combine.ts';
import { espiritSensitivities } from './espirit.ts';
import { calibrationBlock, type SamplingMask } from './masks.ts';

export const sensitivityMethods = ['espirit', 'walsh'] as const;
export type SensitivityMethod = (typeof sensitivityMethods)[number];

/** Side of the calibration kernel of ESPIRiT, and the least of a block that says anything for Walsh's method. */
const LEAST = { espirit: 6, walsh: 4 } as const;

/**
 * Walsh's sensitivities of the image of the calibration block alone, smoothly cut out of k-space [.., c, h, w], traced: derivatives
 * of a reconstruction go through them if wanted.
 *
 * @throws if the mask has no calibration block of 4 × 4 points or more.
 */
export function walshFromCalibration(kspace: Complex, mask: SamplingMask): Complex {
  const [h, w] = kspace.re.shape.slice(-2);
  const block = calibrationBlock(mask, h);
  if (block.height < LEAST.walsh || block.width < LEAST.walsh)
    throw new Error(
      `walsh: the mask has a fully sampled centre of ${block.height} × ${block.width}, expected at least ${LEAST.walsh} × ${LEAST.walsh}; acquire ACS lines, or give sensitivities`,
    );
  // A Hann window over the block: without it the edges of the block ring through the image.
  const side = (n: number, first: number, length: number): Float64Array =>
    Float64Array.from({ length: n }, (_, i) =>
      i < first || i >= first + length
        ? 0
        : length === n
          ? 1
          : Math.sin((Math.PI * (i - first + 0.5)) / length) ** 2,
    );
  const window = (values: Float64Array, shape: readonly number[]) => constant(values, shape, kspace.re.dtype);
  const [rows, columns] = [
    window(side(h, block.top, block.height), [h, 1]),
    window(side(w, block.left, block.width), [w]),
  ];
  return walshSensitivities(ifft2c(complex.mapParts(kspace, (part) => mul(part, mul(rows, columns)))));
}

/**
 * Sensitivities [c, h, w] of k-space [c, h, w], Σ|S|² = 1 or 0 where there is no signal.
 *
 * @throws one sentence if the mask has too small a calibration block.
 */
export async function estimateSensitivities(
  method: SensitivityMethod,
  kspace: ComplexArray,
  mask: SamplingMask,
): Promise<ComplexArray> {
  if (method === 'espirit') {
    const calibration = calibrationData(kspace, mask, { least: LEAST.espirit, name: 'espirit' });
    const [, h, w] = kspace.re.shape;
    return espiritSensitivities(calibration, [h, w]).sensitivities;
  }
  const program = await compile((k: Complex) => walshFromCalibration(k, mask), [specsOf(kspace)]);
  try {
    return await program.run([kspace]);
  } finally {
    await program.dispose();
  }
}

/** Sensitivities [c, h, w] divided by their root of sum of squares: Σ|S|² = 1, and 0 where all are. */
export function unitSensitivityMaps({ re, im }: ComplexArray): ComplexArray {
  const [coils, h, w] = re.shape;
  const pixels = h * w;
  const size = new Float64Array(pixels);
  for (let i = 0; i < coils * pixels; i++) size[i % pixels] += re.data[i] ** 2 + im.data[i] ** 2;
  const unit = (data: ArrayLike<number>): Float64Array =>
    Float64Array.from({ length: coils * pixels }, (_, i) =>
      size[i % pixels] === 0 ? 0 : data[i] / Math.sqrt(size[i % pixels]),
    );
  return complexArray(unit(re.data), unit(im.data), re.shape);
}
