/** ISMRMRD raw data (Inati et al., Magnetic Resonance in Medicine 77, 2017): readouts with their headers, one record each. */
import { complexArray, deinterleave, type ComplexArray, type NDArray } from '../../src/tensor/index.ts';
import { withHdf5, type Hdf5File, type Hdf5Member, type Hdf5Options, type Hdf5Value } from './hdf5.ts';
import { parseIsmrmrdHeader, type IsmrmrdHeader } from './ismrmrdHeader.ts';

/** Flag n of the format is bit n − 1. */
const FLAGS = {
  noise: 19,
  parallelCalibration: 20,
  parallelCalibrationAndImaging: 21,
  reverse: 22,
  navigation: 23,
  phaseCorrection: 24,
  feedback: 26,
  dummy: 27,
  realTimeFeedback: 28,
  surfaceCoilCorrection: 29,
  phaseStabilizationReference: 30,
  phaseStabilization: 31,
} as const;

export type AcquisitionFlag = keyof typeof FLAGS;

/** Counters of a readout, from 0. */
export interface EncodingCounters {
  readonly kspace_encode_step_1: number;
  readonly kspace_encode_step_2: number;
  readonly average: number;
  readonly slice: number;
  readonly contrast: number;
  readonly phase: number;
  readonly repetition: number;
  readonly set: number;
}

export interface IsmrmrdReadout {
  readonly flags: ReadonlySet<AcquisitionFlag>;
  /** The sample at the centre of k-space. */
  readonly centerSample: number;
  readonly discardBefore: number;
  readonly discardAfter: number;
  /** Coordinates a sample beside its counters: 0 for Cartesian readouts. */
  readonly trajectoryDimensions: number;
  /** Dwell time in µs. */
  readonly sampleTime: number;
  readonly counters: EncodingCounters;
  /** [channels, samples]. */
  readonly data: ComplexArray;
}

export interface IsmrmrdData {
  readonly header: IsmrmrdHeader;
  readonly readouts: readonly IsmrmrdReadout[];
}

/** Records read at a time. */
const BLOCK = 64;

/** Whether a file has the form of this format. */
export const isIsmrmrd = (opened: Hdf5File): Promise<boolean> => opened.has('dataset/data');

/**
 * Reads the group /dataset of a file.
 *
 * @throws one sentence when the file is missing, cut short, damaged, or not of this form.
 */
export const readIsmrmrd = (file: string, options?: Hdf5Options): Promise<IsmrmrdData> =>
  withHdf5(file, (opened) => ismrmrdOf(opened, file), options);

/** The same of an open file; `name` stands in messages. */
export async function ismrmrdOf(opened: Hdf5File, name: string): Promise<IsmrmrdData> {
  if (!(await opened.has('dataset/xml')) || !(await isIsmrmrd(opened)))
    throw new Error(`${name}: expected ISMRMRD's data sets dataset/xml and dataset/data`);
  const header = parseIsmrmrdHeader(await opened.text('dataset/xml'), name);
  const [count] = await opened.shape('dataset/data');
  const readouts: IsmrmrdReadout[] = [];
  for (let from = 0; from < count; from += BLOCK) {
    const { members, rows } = await opened.records('dataset/data', [from, Math.min(count, from + BLOCK)]);
    for (const row of rows) readouts.push(readoutOf(row, members, `${name}, readout ${readouts.length}`));
  }
  return { header, readouts };
}

/** A record with its members by name. */
function recordOf(value: Hdf5Value | undefined, members: readonly Hdf5Member[], where: string) {
  const find = (name: string) => {
    const index = members.findIndex((member) => member.name === name);
    if (index < 0 || !Array.isArray(value)) throw new Error(`${where}: the record has no ${name}`);
    return { value: (value as readonly Hdf5Value[])[index], members: members[index].members };
  };
  return { find, number: (name: string): number => Number(find(name).value) };
}

function readoutOf(row: readonly Hdf5Value[], members: readonly Hdf5Member[], where: string): IsmrmrdReadout {
  const record = recordOf(row, members, where);
  const inside = (outer: typeof record, name: string) => {
    const found = outer.find(name);
    return recordOf(found.value, found.members, where);
  };
  const head = inside(record, 'head');
  const idx = inside(head, 'idx');
  const { number } = head;
  const counter = idx.number;
  const bits = head.find('flags').value;
  if (typeof bits !== 'bigint') throw new Error(`${where}: its flags are no 64-bit integer`);
  const values = record.find('data').value;
  const shape = [number('active_channels'), number('number_of_samples')];
  if (!(values instanceof Float32Array))
    throw new Error(`${where}: its data are no float32 numbers of variable length`);
  if (values.length !== 2 * shape[0] * shape[1])
    throw new Error(
      `${where}: ${values.length} numbers for ${shape[0]} channels of ${shape[1]} complex samples; the file is corrupt`,
    );
  return {
    flags: flagSet(bits),
    centerSample: number('center_sample'),
    discardBefore: number('discard_pre'),
    discardAfter: number('discard_post'),
    trajectoryDimensions: number('trajectory_dimensions'),
    sampleTime: number('sample_time_us'),
    counters: {
      kspace_encode_step_1: counter('kspace_encode_step_1'),
      kspace_encode_step_2: counter('kspace_encode_step_2'),
      average: counter('average'),
      slice: counter('slice'),
      contrast: counter('contrast'),
      phase: counter('phase'),
      repetition: counter('repetition'),
      set: counter('set'),
    },
    data: deinterleave(values, shape),
  };
}

/** The flags of a bit field that a reconstruction heeds. */
export const flagSet = (bits: bigint): ReadonlySet<AcquisitionFlag> =>
  new Set((Object.keys(FLAGS) as AcquisitionFlag[]).filter((name) => (bits >> BigInt(FLAGS[name] - 1)) & 1n));

export const flagBits = (flags: ReadonlySet<AcquisitionFlag>): bigint =>
  [...flags].reduce((bits, name) => bits | (1n << BigInt(FLAGS[name] - 1)), 0n);

/** Flags of readouts that belong to the image: measured for it or its calibration, in whatever direction. */
const IMAGING: readonly AcquisitionFlag[] = [
  'parallelCalibration',
  'parallelCalibrationAndImaging',
  'reverse',
];

/** Whether a readout measures the image or its calibration, rather than noise, motion, phase, the body coil or nothing. */
export const isImaging = ({ flags }: IsmrmrdReadout): boolean =>
  [...flags].every((name) => IMAGING.includes(name));

/**
 * All noise readouts side by side [channels, samples], as loud as noise is in one readout of the image; null if there are none.
 *
 * @throws if their channels differ.
 */
export function noiseReadouts({ header, readouts }: IsmrmrdData): ComplexArray | null {
  const scans = readouts.filter(({ flags }) => flags.has('noise'));
  if (scans.length === 0) return null;
  const image = readouts.find(isImaging);
  const noise = scans.map(({ data, sampleTime }) =>
    scaled(data, Math.sqrt(noisePowerRatio(sampleTime, image?.sampleTime ?? 0, header))),
  );
  const [channels] = noise[0].re.shape;
  if (noise.some(({ re }) => re.shape[0] !== channels))
    throw new Error(
      `noise readouts: ${noise.map(({ re }) => re.shape[0]).join(', ')} channels, expected the same in all`,
    );
  const total = noise.reduce((sum, { re }) => sum + re.shape[1], 0);
  const joined = (part: 're' | 'im'): Float64Array => {
    const out = new Float64Array(channels * total);
    let start = 0;
    for (const block of noise) {
      const { data, shape } = block[part];
      for (let c = 0; c < channels; c++)
        for (let i = 0; i < shape[1]; i++) out[c * total + start + i] = data[c * shape[1] + i];
      start += shape[1];
    }
    return out;
  };
  return complexArray(joined('re'), joined('im'), [channels, total]);
}

/**
 * Noise power in the image over that in the noise scan: a sample of the image that takes T_image has T_noise / (T_image · β) times the
 * power, β the receiver's relative noise bandwidth (Kellman & McVeigh, Magnetic Resonance in Medicine 54, 2005). What the file does
 * not tell counts as equal.
 */
function noisePowerRatio(
  noiseTime: number,
  imageTime: number,
  { receiverNoiseBandwidth }: IsmrmrdHeader,
): number {
  const dwell = noiseTime > 0 && imageTime > 0 ? noiseTime / imageTime : 1;
  return dwell / (receiverNoiseBandwidth ?? 1);
}

function scaled({ re, im }: ComplexArray, factor: number): ComplexArray {
  if (factor === 1) return { re, im };
  const part = ({ data }: NDArray): Float64Array => Float64Array.from(data, (x) => factor * x);
  return complexArray(part(re), part(im), re.shape);
}
