/** Sensitivities from the autocalibration signal by a network (Sriram et al. 2020, arXiv 2004.06688, section 3.2). */
import {
  add,
  and,
  cast,
  complex,
  concat,
  constant,
  cumulativeSum,
  equal,
  floor,
  less,
  lessEqual,
  maximum,
  minimum,
  mul,
  reshape,
  sliceAxis,
  sub,
  sum,
  type Complex,
  type Tensor,
} from '../../tensor/index.ts';
import { unitSensitivities } from '../combine.ts';
import { sampledPart } from '../forwardModel.ts';
import { acsStart } from '../masks.ts';
import { normUNet } from './normUNet.ts';
import type { UNetParameters } from './uNet.ts';

export const sensitivityNetwork = {
  init: normUNet.init,

  /**
   * Sensitivities [batch, c, h, w] with Σ_c |S_c|² = 1 from zero-filled coil images [batch, c, h, w]: the image of the
   * autocalibration signal of each coil by itself goes through one U-Net. `mask` is [batch | 1, 1, h | 1, w]; `acsLines` how many
   * columns at the centre are taken, by default as many as the mask shows.
   */
  apply(
    parameters: UNetParameters<Tensor>,
    zeroFilled: Complex,
    { mask, acsLines }: { readonly mask: Tensor; readonly acsLines?: number | undefined },
  ): Complex {
    const { shape } = zeroFilled.re;
    const [batch, coils, h, w] = shape;
    const calibration = sampledPart(zeroFilled, calibrationRegion(mask, acsLines));
    const single = complex.mapParts(calibration, (part) => reshape(part, [batch * coils, 1, h, w]));
    const images = complex.mapParts(normUNet.apply(parameters, single), (part) => reshape(part, shape));
    return unitSensitivities(images);
  },
};

/**
 * 1 on the rectangle of the autocalibration signal of a mask [.., h, w] (h may be 1), 0 elsewhere: columns that are sampled around
 * the centre of the middle row, as many to the right as to the left (twice the shorter side, at least one), in rows that are
 * sampled without a gap around the centre of the middle column. With `acsLines`, that many columns at the centre.
 *
 * @throws if there are no such columns.
 */
export function calibrationRegion(mask: Tensor, acsLines?: number): Tensor {
  const w = mask.shape.at(-1) as number;
  if (acsLines !== undefined && (!Number.isInteger(acsLines) || acsLines < 1 || acsLines > w))
    throw new Error(`calibrationRegion: ${acsLines} ACS lines of ${w} columns, expected 1 … ${w}`);
  const rows = reach(middle(mask, -1), -2);
  const centre = Math.floor(w / 2);
  const sampled = reach(middle(mask, -2), -1);
  const side = (from: number, to: number): Tensor =>
    sum(sliceAxis(sampled, -1, from, to), -1, { keepDims: true });
  const lines = acsLines ?? maximum(mul(2, minimum(side(0, centre), side(centre, w))), 1);
  const start =
    typeof lines === 'number'
      ? acsStart(w, lines)
      : // ⌊(w − lines + 1)/2⌋; the quarter keeps rounding errors on the right side of whole numbers.
        floor(add(mul(0.5, sub(w + 1, lines)), 0.25));
  const index = constant(
    Float64Array.from({ length: w }, (_, i) => i),
    [w],
    mask.dtype,
  );
  const columns = and(lessEqual(start, index), less(index, add(start, lines)));
  return mul(rows, cast(columns, mask.dtype));
}

/** The slice of x in the middle of an axis, ⌊n/2⌋; the axis stays. */
function middle(x: Tensor, axis: number): Tensor {
  const centre = Math.floor((x.shape.at(axis) as number) / 2);
  return sliceAxis(x, axis, centre, centre + 1);
}

/** 1 where everything between here and the middle of an axis is 1, both ends included; x is 0 or 1. */
function reach(x: Tensor, axis: number): Tensor {
  const n = x.shape.at(axis) as number;
  const centre = Math.floor(n / 2);
  const gaps = sub(1, x);
  const behind = cumulativeSum(sliceAxis(gaps, axis, centre, n), axis);
  if (centre === 0) return cast(equal(behind, 0), x.dtype);
  const before = cumulativeSum(sliceAxis(gaps, axis, 0, centre), axis, { reverse: true });
  const open = concat([before, behind], axis);
  return cast(equal(open, 0), x.dtype);
}
