/** ISMRMRD readouts of a Cartesian scan in their places in k-space. */
import {
  compile,
  complex,
  complexArray,
  fft,
  fftshift,
  ifft,
  ifftshift,
  sliceAxis,
  specsOf,
  type Complex,
  type ComplexArray,
} from '../../src/tensor/index.ts';
import { isImaging, type EncodingCounters, type IsmrmrdData, type IsmrmrdReadout } from './ismrmrd.ts';

/** Which image of the scan; counters that are not named are 0. */
export type ImageSelection = Partial<
  Pick<EncodingCounters, 'slice' | 'contrast' | 'phase' | 'repetition' | 'set'>
>;

const SELECTED = ['slice', 'contrast', 'phase', 'repetition', 'set'] as const;

/**
 * The k-space [channels, readout, phase encodes] of one image, zero where nothing was measured: averages are averaged, reversed
 * readouts turned, lines of parallel calibration used where there is no imaging line, oversampling of the readout removed.
 *
 * @throws for trajectories that are not Cartesian, volumes with two phase encodes, and readouts that do not fit the header.
 */
export async function cartesianKspace(
  data: IsmrmrdData,
  selection: ImageSelection = {},
): Promise<ComplexArray> {
  const { header, readouts } = data;
  if (header.trajectory !== 'cartesian') {
    throw new Error(
      `ISMRMRD: the trajectory is ${header.trajectory}, and k-space can be sorted for cartesian only; grid the data first`,
    );
  }
  // Some files say Cartesian in their header, and another trajectory in their readouts.
  const curved = readouts.find(({ trajectoryDimensions }) => trajectoryDimensions > 0);
  if (curved) {
    throw new Error(
      `ISMRMRD: readouts have a trajectory of ${curved.trajectoryDimensions} dimensions of their own, so they are not Cartesian; grid the data first`,
    );
  }
  const [samples, lines, partitions] = header.encoded.matrix;
  if (partitions > 1)
    throw new Error(`ISMRMRD: a volume of ${partitions} partitions; expected slices of one partition each`);
  const image = readouts.filter(
    (readout) =>
      isImaging(readout) && SELECTED.every((name) => readout.counters[name] === (selection[name] ?? 0)),
  );
  const calibration = image.filter(({ flags }) => flags.has('parallelCalibration'));
  const imaging = image.filter(({ flags }) => !flags.has('parallelCalibration'));
  if (image.length === 0)
    throw new Error(
      `ISMRMRD: no readouts of ${SELECTED.map((name) => `${name} ${selection[name] ?? 0}`).join(', ')}; the file holds ${readouts.length} readouts`,
    );
  const channels = image[0].data.re.shape[0];
  const center = header.phaseEncode?.center ?? Math.floor(lines / 2);
  const size = [channels, samples, lines] as const;
  const kspace = {
    re: new Float32Array(channels * samples * lines),
    im: new Float32Array(channels * samples * lines),
  };
  const counts = new Int32Array(lines);
  const columnOf = ({ counters }: IsmrmrdReadout): number =>
    counters.kspace_encode_step_1 - center + Math.floor(lines / 2);
  for (const readout of imaging) place(readout, columnOf(readout), kspace, size, counts);
  const measured = counts.map((count) => Math.min(count, 1));
  for (const readout of calibration)
    if (!measured[columnOf(readout)]) place(readout, columnOf(readout), kspace, size, counts);
  for (const part of [kspace.re, kspace.im])
    for (let i = 0; i < part.length; i++) part[i] /= Math.max(1, counts[i % lines]);
  return removeOversampling(complexArray(kspace.re, kspace.im, size), header.reconstructed.matrix[0]);
}

function place(
  { data, flags, centerSample, discardBefore, discardAfter }: IsmrmrdReadout,
  column: number,
  kspace: { readonly re: Float32Array; readonly im: Float32Array },
  [channels, samples, lines]: readonly [number, number, number],
  counts: Int32Array,
): void {
  const [own, length] = data.re.shape;
  if (own !== channels || column < 0 || column >= lines) {
    throw new Error(
      `ISMRMRD: a readout of ${own} channels at phase encode ${column}, expected ${channels} channels and 0 … ${lines - 1}`,
    );
  }
  const reversed = flags.has('reverse');
  for (let i = discardBefore; i < length - discardAfter; i++) {
    const row = Math.floor(samples / 2) + (reversed ? centerSample - i : i - centerSample);
    if (row < 0 || row >= samples) continue;
    for (let c = 0; c < channels; c++) {
      const to = (c * samples + row) * lines + column;
      kspace.re[to] += data.re.data[c * length + i];
      kspace.im[to] += data.im.data[c * length + i];
    }
  }
  counts[column]++;
}

/**
 * k-space [c, n, w] of the middle `size` rows of the image. The transforms are orthonormal, so white noise keeps its standard
 * deviation.
 */
export async function removeOversampling(kspace: ComplexArray, size: number): Promise<ComplexArray> {
  const n = kspace.re.shape[1];
  if (size >= n) return kspace;
  const first = Math.floor(n / 2) - Math.floor(size / 2);
  const centred = (z: Complex, f: (z: Complex, axis: number) => Complex): Complex =>
    complex.mapParts(
      f(
        complex.mapParts(z, (part) => ifftshift(part, 1)),
        1,
      ),
      (part) => fftshift(part, 1),
    );
  const program = await compile(
    (k: Complex) => {
      const cropped = complex.mapParts(centred(k, ifft), (part) => sliceAxis(part, 1, first, first + size));
      return complex.scale(Math.sqrt(n / size), centred(cropped, fft));
    },
    [specsOf(kspace)],
  );
  try {
    return await program.run([kspace]);
  } finally {
    await program.dispose();
  }
}
