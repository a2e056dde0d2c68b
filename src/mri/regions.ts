/** Parts of an image that noise behaves differently in, by magnitude, and the agreement of two noise maps in each. */
import type { NDArray } from '../tensor/index.ts';
import { agreement, type Agreement } from '../uncertainty/agreement.ts';

export const regionNames = ['object', 'low signal', 'background'] as const;
export type Region = (typeof regionNames)[number];

/** Shares of the peak below which a pixel is background, and below which it is of low signal. */
const [BACKGROUND, LOW_SIGNAL] = [0.05, 0.2];

/** Below this ratio of signal to noise the distribution of a magnitude is not normal (Gudbjartsson & Patz 1995). */
export const LEAST_SNR = 3;

/** 1 inside and 0 outside for each region; the peak is the 99.5th percentile of the magnitude. */
export function imageRegions({ data }: NDArray): Readonly<Record<Region, Float64Array>> {
  const sorted = Float64Array.from(data).sort();
  const peak = sorted[Math.floor(0.995 * (sorted.length - 1))];
  const where = (inside: (share: number) => boolean): Float64Array =>
    Float64Array.from(data, (m) => (inside(m / peak) ? 1 : 0));
  return {
    object: where((share) => share >= LOW_SIGNAL),
    'low signal': where((share) => share >= BACKGROUND && share < LOW_SIGNAL),
    background: where((share) => !(share >= BACKGROUND)),
  };
}

export interface RegionAgreement extends Agreement {
  readonly pixels: number;
  /** Median over pixels of estimate / reference. */
  readonly medianRatio: number;
}

/** `agreement` and the median ratio of two maps inside each region; regions without any reference noise are left out. */
export function agreementByRegion(
  estimate: NDArray,
  reference: NDArray,
  standardError: NDArray,
  regions: Readonly<Record<Region, Float64Array>>,
): Partial<Record<Region, RegionAgreement>> {
  const found: Partial<Record<Region, RegionAgreement>> = {};
  for (const name of regionNames) {
    const inside = (map: NDArray): Float64Array =>
      Float64Array.from(map.data).filter((_, i) => regions[name][i] !== 0 && reference.data[i] > 0);
    const [a, b, error] = [inside(estimate), inside(reference), inside(standardError)];
    if (a.length < 2) continue;
    found[name] = {
      ...agreement(a, b, error),
      pixels: a.length,
      medianRatio: median(a.map((x, i) => x / b[i])),
    };
  }
  return found;
}

/** The middle value; NaN for none. */
export function median(values: Float64Array): number {
  const sorted = values.slice().sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}
