/** Writes ISMRMRD raw data: the header in XML, and readouts as records of the format's version 1. */
import { complexArray, interleave, type ComplexArray, type NDArray } from '../../src/tensor/index.ts';
import { writeAtomically } from '../files.ts';
import * as h5 from './hdf5Writer.ts';
import { flagBits, type EncodingCounters, type IsmrmrdData, type IsmrmrdReadout } from './ismrmrd.ts';
import type { EncodingSpace, IsmrmrdHeader } from './ismrmrdHeader.ts';

const counters = h5.recordOf({
  ...{
    kspace_encode_step_1: h5.uint16,
    kspace_encode_step_2: h5.uint16,
    average: h5.uint16,
    slice: h5.uint16,
  },
  ...{ contrast: h5.uint16, phase: h5.uint16, repetition: h5.uint16, set: h5.uint16, segment: h5.uint16 },
  user: h5.arrayOf(h5.uint16, 8),
});
const direction = h5.arrayOf(h5.float32, 3);
const head = h5.recordOf({
  ...{ version: h5.uint16, flags: h5.uint64, measurement_uid: h5.uint32, scan_counter: h5.uint32 },
  ...{ acquisition_time_stamp: h5.uint32, physiology_time_stamp: h5.arrayOf(h5.uint32, 3) },
  ...{ number_of_samples: h5.uint16, available_channels: h5.uint16, active_channels: h5.uint16 },
  ...{ channel_mask: h5.arrayOf(h5.uint64, 16), discard_pre: h5.uint16, discard_post: h5.uint16 },
  ...{ center_sample: h5.uint16, encoding_space_ref: h5.uint16, trajectory_dimensions: h5.uint16 },
  ...{ sample_time_us: h5.float32, position: direction, read_dir: direction, phase_dir: direction },
  ...{ slice_dir: direction, patient_table_position: direction, idx: counters },
  ...{ user_int: h5.arrayOf(h5.int32, 8), user_float: h5.arrayOf(h5.float32, 8) },
});
const acquisition = h5.recordOf({ head, traj: h5.float32OfAnyLength, data: h5.float32OfAnyLength });

const zeros = (count: number): number[] => new Array<number>(count).fill(0);

function recordOf(readout: IsmrmrdReadout, index: number): h5.RecordValues {
  const [channels, samples] = readout.data.re.shape;
  return {
    head: {
      ...{ version: 1, flags: flagBits(readout.flags), measurement_uid: 0, scan_counter: index },
      ...{ acquisition_time_stamp: 0, physiology_time_stamp: zeros(3) },
      ...{ number_of_samples: samples, available_channels: channels, active_channels: channels },
      ...{ channel_mask: zeros(16), discard_pre: readout.discardBefore, discard_post: readout.discardAfter },
      ...{ center_sample: readout.centerSample, encoding_space_ref: 0 },
      ...{ trajectory_dimensions: readout.trajectoryDimensions, sample_time_us: readout.sampleTime },
      ...{ position: zeros(3), read_dir: [1, 0, 0], phase_dir: [0, 1, 0], slice_dir: [0, 0, 1] },
      patient_table_position: zeros(3),
      idx: { ...readout.counters, segment: 0, user: zeros(8) },
      ...{ user_int: zeros(8), user_float: zeros(8) },
    },
    traj: new Float32Array(0),
    data: Float32Array.from(interleave(readout.data)),
  };
}

const spaceXml = (tag: string, { matrix, fieldOfViewMm }: EncodingSpace): string => {
  const triple = (name: string, values: readonly number[]): string =>
    `<${name}>${['x', 'y', 'z'].map((axis, i) => `<${axis}>${values[i]}</${axis}>`).join('')}</${name}>`;
  return `<${tag}>${triple('matrixSize', matrix)}${triple('fieldOfView_mm', fieldOfViewMm)}</${tag}>`;
};

/** The header as XML, as `parseIsmrmrdHeader` reads it. */
export function ismrmrdXml({
  encoded,
  reconstructed,
  trajectory,
  phaseEncode,
  receiverNoiseBandwidth,
}: IsmrmrdHeader): string {
  const system = receiverNoiseBandwidth
    ? `<acquisitionSystemInformation><relativeReceiverNoiseBandwidth>${receiverNoiseBandwidth}</relativeReceiverNoiseBandwidth></acquisitionSystemInformation>`
    : '';
  const limits = phaseEncode
    ? `<kspace_encoding_step_1><minimum>0</minimum><maximum>${phaseEncode.maximum}</maximum><center>${phaseEncode.center}</center></kspace_encoding_step_1>`
    : '';
  return (
    `<?xml version="1.0"?><ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD">${system}` +
    '<experimentalConditions><H1resonanceFrequency_Hz>63870000</H1resonanceFrequency_Hz></experimentalConditions><encoding>' +
    spaceXml('encodedSpace', encoded) +
    spaceXml('reconSpace', reconstructed) +
    `<encodingLimits>${limits}</encodingLimits><trajectory>${trajectory}</trajectory></encoding></ismrmrdHeader>`
  );
}

/** Data in float32. Trajectories are not written. @throws one sentence when the disk refuses. */
export const writeIsmrmrd = (file: string, { header, readouts }: IsmrmrdData): Promise<void> =>
  writeAtomically(
    file,
    h5.encodeHdf5({
      dataset: { xml: h5.text(ismrmrdXml(header)), data: h5.records(acquisition, readouts.map(recordOf)) },
    }),
  );

const NO_COUNTERS: EncodingCounters = {
  ...{ kspace_encode_step_1: 0, kspace_encode_step_2: 0, average: 0, slice: 0 },
  ...{ contrast: 0, phase: 0, repetition: 0, set: 0 },
};

/**
 * One slice as a scanner sends it: readouts of pure noise [coils, samples] if there are any, then a readout for every column of k-space
 * [coils, h, w] that the mask [1, w] samples. `cartesianKspace` puts them back. Pixels are 1 mm wide.
 *
 * @throws for a mask of points, which readouts cannot follow.
 */
export function cartesianScan({
  kspace,
  mask,
  noise,
}: {
  readonly kspace: ComplexArray;
  readonly mask: NDArray;
  readonly noise: ComplexArray | null;
}): IsmrmrdData {
  const [coils, h, w] = kspace.re.shape;
  if (mask.data.length !== w)
    throw new Error(
      `ISMRMRD: the mask is [${mask.shape.join(', ')}], expected [1, ${w}]: readouts measure whole columns`,
    );
  const readout = (data: ComplexArray, given: Partial<IsmrmrdReadout>): IsmrmrdReadout => ({
    flags: new Set(),
    centerSample: Math.floor(h / 2),
    ...{ discardBefore: 0, discardAfter: 0, trajectoryDimensions: 0, sampleTime: 10 },
    counters: NO_COUNTERS,
    data,
    ...given,
  });
  const column = ({ data }: NDArray, at: number): Float64Array =>
    Float64Array.from({ length: coils * h }, (_, i) => data[i * w + at]);
  const measured = Array.from(mask.data).flatMap((sampled, at) => (sampled === 0 ? [] : [at]));
  const space: EncodingSpace = { matrix: [h, w, 1], fieldOfViewMm: [h, w, 1] };
  return {
    header: {
      encoded: space,
      reconstructed: space,
      trajectory: 'cartesian',
      phaseEncode: { maximum: w - 1, center: Math.floor(w / 2) },
      receiverNoiseBandwidth: null,
    },
    readouts: [
      ...(noise ? [readout(noise, { flags: new Set(['noise']), centerSample: 0 })] : []),
      ...measured.map((at) =>
        readout(complexArray(column(kspace.re, at), column(kspace.im, at), [coils, h]), {
          counters: { ...NO_COUNTERS, kspace_encode_step_1: at },
        }),
      ),
    ],
  };
}
