/** Measured k-space made ready for a reconstruction: checks, whitening, coil compression, sensitivities. */
import { showShape, type ComplexArray, type NDArray } from '../tensor/index.ts';
import { compressCoils } from './coilCompression.ts';
import { sampledPoints, type SamplingMask } from './masks.ts';
import { mixCoils, noiseCovariance, whiteningMatrix } from './noise.ts';
import type { Acquisition } from './reconstruction.ts';
import { estimateSensitivities, sensitivityMethods, unitSensitivityMaps } from './sensitivities.ts';

/** One slice as it was measured, with what came with it. */
export interface MeasuredKspace {
  /** [c, h, w], 0 where nothing was sampled. */
  readonly kspace: ComplexArray;
  /** [1, w] or [h, w]; null where the zeros of k-space say what was not sampled. */
  readonly mask: SamplingMask | null;
  /** [c, h, w], of any scale; null where there are none. */
  readonly sensitivities: ComplexArray | null;
  /** Readouts without signal [c, samples]; null where there are none. */
  readonly noise: ComplexArray | null;
}

/** Where sensitivities come from: an estimate by name, or `given` with k-space. */
export const sensitivityChoices = [...sensitivityMethods, 'given'] as const;
export type SensitivityChoice = (typeof sensitivityChoices)[number];

export interface PreparationOptions {
  /** False: none are looked for. */
  readonly needsSensitivities: boolean;
  /** Default: given if there are any, else ESPIRiT. */
  readonly sensitivities?: SensitivityChoice | undefined;
  /** Compress to so many virtual coils. */
  readonly coils?: number | undefined;
  /** What the data are called in messages; default k-space. */
  readonly name?: string | undefined;
}

/**
 * The acquisition that a reconstruction takes: whitened to SNR units where there are noise readouts (σ of one real component is then
 * 1), compressed, with Σ|S|² = 1. Whatever is done to the coils of k-space is done to the sensitivities that were given.
 *
 * @throws one sentence if k-space is not [c, h, w] of finite numbers, a coil is zero everywhere, mask, sensitivities or noise do not
 * belong to it, the noise is singular, or sensitivities cannot be estimated.
 */
export async function prepareAcquisition(
  measured: MeasuredKspace,
  { needsSensitivities, sensitivities: choice, coils, name = 'k-space' }: PreparationOptions,
): Promise<Acquisition> {
  checkKspace(measured.kspace, name);
  const { shape } = measured.kspace.re;
  if (measured.mask) checkMask(measured.mask, shape, name);
  const mask = measured.mask ?? sampledPoints(measured.kspace);
  const whitening = measured.noise && whiteningOf(measured.noise, shape[0], name);
  const whiten = (x: ComplexArray): ComplexArray => (whitening ? mixCoils(whitening, x) : x);
  const white = whiten(measured.kspace);
  const matrix = coils === undefined ? null : compressCoils(white, coils).matrix;
  const compress = (x: ComplexArray): ComplexArray => (matrix ? mixCoils(matrix, x) : x);
  const kspace = compress(white);
  if (!needsSensitivities) return { kspace, mask, sensitivities: null };

  const method = choice ?? (measured.sensitivities ? 'given' : 'espirit');
  if (method !== 'given')
    return { kspace, mask, sensitivities: await estimateSensitivities(method, kspace, mask) };
  const given = measured.sensitivities;
  if (!given)
    throw new Error(
      `${name} came without sensitivities, expected them or ${sensitivityMethods.join(' or ')}`,
    );
  if (given.re.shape.join() !== shape.join())
    throw new Error(
      `${name}: the sensitivities are ${showShape(given.re.shape)}, expected those of k-space, ${showShape(shape)}`,
    );
  checkFinite(given, `${name}: sensitivities`);
  if ([given.re, given.im].every(({ data }) => data.every((value) => value === 0)))
    throw new Error(`${name}: the sensitivities are zero everywhere`);
  return { kspace, mask, sensitivities: unitSensitivityMaps(compress(whiten(given))) };
}

/**
 * @throws one sentence if k-space is not [coils, h, w], holds a number that is not finite, or has a coil that is zero everywhere.
 */
export function checkKspace(kspace: ComplexArray, name = 'k-space'): void {
  const { re, im } = kspace;
  const { shape } = re;
  if (shape.length !== 3 || shape.some((n) => n < 1))
    throw new Error(
      `${name}: the shape is ${showShape(shape)}, expected [coils, height, width] of one slice`,
    );
  const [, h, w] = shape;
  checkFinite(kspace, name);
  for (let coil = 0; coil < shape[0]; coil++) {
    const isZero = (part: NDArray): boolean =>
      part.data.subarray(coil * h * w, (coil + 1) * h * w).every((value) => value === 0);
    if (isZero(re) && isZero(im))
      throw new Error(
        `${name}: coil ${coil} of ${shape[0]} is zero everywhere; leave it out, or check the order of the axes: [coils, height, width]`,
      );
  }
}

function checkFinite({ re, im }: ComplexArray, name: string): void {
  const [, h, w] = re.shape;
  for (const { data } of [re, im]) {
    const at = data.findIndex((value) => !Number.isFinite(value));
    if (at < 0) continue;
    const [coil, row, column] = [Math.floor(at / (h * w)), Math.floor(at / w) % h, at % w];
    throw new Error(
      `${name}: coil ${coil} holds ${data[at]} at row ${row}, column ${column}; expected finite numbers`,
    );
  }
}

function checkMask({ data, shape }: SamplingMask, [, h, w]: readonly number[], name: string): void {
  const [rows, columns, ...more] = shape;
  if (more.length || columns !== w || (rows !== 1 && rows !== h))
    throw new Error(
      `${name}: the mask is ${showShape(shape)}, expected [1, ${w}] for columns or [${h}, ${w}] for points`,
    );
  const odd = data.find((value) => value !== 0 && value !== 1);
  if (odd !== undefined) throw new Error(`${name}: the mask holds ${odd}, expected 0 and 1`);
  if (data.every((value) => value === 0))
    throw new Error(`${name}: the mask samples nothing, expected at least one point`);
}

/**
 * To SNR units by noise readouts [c, samples]: independent coils, standard deviation 1 for each real component.
 *
 * @throws if the covariance of the noise is singular, or channels do not agree.
 */
function whiteningOf(noise: ComplexArray, coils: number, name: string): ComplexArray {
  const [channels] = noise.re.shape;
  if (coils !== channels)
    throw new Error(
      `${name}: noise readouts have ${channels} channels and k-space ${coils}, expected the same`,
    );
  try {
    return whiteningMatrix(noiseCovariance(noise), 'snrUnits');
  } catch (error) {
    throw new Error(`${name}: noise readouts: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}
