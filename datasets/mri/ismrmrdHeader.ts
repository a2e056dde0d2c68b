/** The XML header of ISMRMRD, which fastMRI files hold too: the few fields a reconstruction needs. */

export interface EncodingSpace {
  readonly matrix: readonly [x: number, y: number, z: number];
  readonly fieldOfViewMm: readonly [x: number, y: number, z: number];
}

export interface IsmrmrdHeader {
  readonly encoded: EncodingSpace;
  /** What the image shall be; the encoded space where the header does not say. */
  readonly reconstructed: EncodingSpace;
  readonly trajectory: string;
  /** Limits of the first phase encode; null where the header does not say. */
  readonly phaseEncode: { readonly maximum: number; readonly center: number } | null;
  /** Noise power that the receiver lets through over that of its nominal bandwidth; null where the header does not say. */
  readonly receiverNoiseBandwidth: number | null;
}

/** @throws if there is no encoded matrix in the text. */
export function parseIsmrmrdHeader(xml: string, name = 'ISMRMRD header'): IsmrmrdHeader {
  const encoded = space(element(xml, 'encodedSpace'));
  if (!encoded)
    throw new Error(
      `${name}: no encodedSpace with a matrixSize of whole numbers was found in the XML header`,
    );
  const limits = element(element(xml, 'encodingLimits'), 'kspace_encoding_step_1');
  const [maximum, center] = [Number(element(limits, 'maximum')), Number(element(limits, 'center'))];
  const bandwidth = Number(element(xml, 'relativeReceiverNoiseBandwidth'));
  return {
    encoded,
    reconstructed: space(element(xml, 'reconSpace')) ?? encoded,
    trajectory: (element(xml, 'trajectory') || 'cartesian').trim().toLowerCase(),
    phaseEncode: limits && Number.isInteger(maximum) && Number.isInteger(center) ? { maximum, center } : null,
    receiverNoiseBandwidth: bandwidth > 0 ? bandwidth : null,
  };
}

/** What is inside the first element of that name, whatever its namespace prefix; '' where there is none. */
const element = (xml: string, tag: string): string =>
  new RegExp(`<(?:\\w+:)?${tag}(?:\\s[^>]*)?>([\\s\\S]*?)</(?:\\w+:)?${tag}>`).exec(xml)?.[1] ?? '';

function space(xml: string): EncodingSpace | null {
  const triple = (tag: string): [number, number, number] => {
    const inside = element(xml, tag);
    const [x, y, z] = ['x', 'y', 'z'].map((axis) => Number(element(inside, axis) || NaN));
    return [x, y, z];
  };
  const matrix = triple('matrixSize');
  return matrix.every((n) => Number.isInteger(n) && n > 0)
    ? { matrix, fieldOfViewMm: triple('fieldOfView_mm') }
    : null;
}
