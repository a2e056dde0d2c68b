/** ISMRMRD raw data (Inati et al., Magnetic Resonance in Medicine 77, 2017): readouts with their headers, one record each. */
import { complexArray, deinterleave, type ComplexArray } from '../../src/tensor/index.ts';
import { withHdf5, type Hdf5Member } from './hdf5.ts';
import { parseIsmrmrdHeader, type IsmrmrdHeader } from './ismrmrdHeader.ts';

/** Flag n of the format is bit n − 1. */
const FLAGS = {
  noise: 19,
  parallelCalibration: 20,
  parallelCalibrationAndImaging: 21,
  reverse: 22,
  navigation: 23,
  phaseCorrection: 24,
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
const BLOCK = 512;

/**
 * Reads the group /dataset of a file.
 *
 * @throws one sentence when the file is missing, cut short, or not of this form.
 */
export const readIsmrmrd = (file: string): Promise<IsmrmrdData> =>
  withHdf5(file, (opened) => {
    if (!opened.has('dataset/xml') || !opened.has('dataset/data'))
      throw new Error(`${file}: expected ISMRMRD's data sets dataset/xml and dataset/data`);
    const header = parseIsmrmrdHeader(opened.text('dataset/xml'), file);
    const [count] = opened.shape('dataset/data');
    const readouts: IsmrmrdReadout[] = [];
    for (let from = 0; from < count; from += BLOCK) {
      const { members, rows } = opened.records('dataset/data', [from, Math.min(count, from + BLOCK)]);
      for (const row of rows) readouts.push(readoutOf(row, members, `${file}, readout ${readouts.length}`));
    }
    return { header, readouts };
  });

const field = (record: readonly unknown[], members: readonly Hdf5Member[], name: string, where: string) => {
  const index = members.findIndex((member) => member.name === name);
  if (index < 0) throw new Error(`${where}: the record has no ${name}`);
  return { value: record[index], members: members[index].members };
};

function readoutOf(row: readonly unknown[], members: readonly Hdf5Member[], where: string): IsmrmrdReadout {
  const head = field(row, members, 'head', where);
  const idx = field(head.value as unknown[], head.members, 'idx', where);
  const number = (name: string): number =>
    Number(field(head.value as unknown[], head.members, name, where).value);
  const counter = (name: string): number =>
    Number(field(idx.value as unknown[], idx.members, name, where).value);
  const bits = BigInt(field(head.value as unknown[], head.members, 'flags', where).value as number | bigint);
  const values = field(row, members, 'data', where).value;
  const shape = [number('active_channels'), number('number_of_samples')];
  if (!(values instanceof Float32Array) || values.length !== 2 * shape[0] * shape[1])
    throw new Error(
      `${where}: ${(values as ArrayLike<unknown>).length} numbers for ${shape[0]} channels of ${shape[1]} complex samples`,
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

/** All noise readouts side by side [channels, samples]; null if there are none. @throws if their channels differ. */
export function noiseReadouts({ readouts }: IsmrmrdData): ComplexArray | null {
  const noise = readouts.filter(({ flags }) => flags.has('noise')).map(({ data }) => data);
  if (noise.length === 0) return null;
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
