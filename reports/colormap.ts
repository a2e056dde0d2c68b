/**
 * Colour maps built in OKLab (B. Ottosson, "A perceptual color space for image processing", 2020), so that equal steps of
 * the data are equal steps of lightness. Both maps are told apart by lightness and by the blue–yellow axis, which the
 * common red–green deficiencies leave intact.
 */

export type Rgb = [number, number, number];
export type ColorMap = 'sequential' | 'diverging';

/** OKLab (lightness 0…1, a, b) to linear sRGB, each 0…1 inside the gamut. */
const oklabToLinear = (lightness: number, a: number, b: number): Rgb => {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
};

const gammaEncode = (x: number): number => (x <= 0.0031308 ? 12.92 * x : 1.055 * x ** (1 / 2.4) - 0.055);

/** A colour of given lightness and hue (degrees) with at most the wanted chroma that the screen can show. */
const fromLch = (lightness: number, chroma: number, hue: number): Rgb => {
  const cosine = Math.cos((hue * Math.PI) / 180);
  const sine = Math.sin((hue * Math.PI) / 180);
  const inside = (c: number): boolean =>
    oklabToLinear(lightness, c * cosine, c * sine).every((x) => x >= -1e-6 && x <= 1 + 1e-6);
  let low = 0;
  let high = chroma;
  if (inside(high)) low = high;
  else
    for (let i = 0; i < 24; i++) {
      const middle = (low + high) / 2;
      if (inside(middle)) low = middle;
      else high = middle;
    }
  return oklabToLinear(lightness, low * cosine, low * sine).map((x) =>
    Math.round(255 * gammaEncode(Math.min(1, Math.max(0, x)))),
  ) as Rgb;
};

const mix = (from: number, to: number, t: number): number => from + (to - from) * t;

/** From dark indigo over teal to pale yellow; lightness grows linearly. */
const sequential = (t: number): Rgb => fromLch(mix(0.24, 0.95, t), mix(0.13, 0.15, t), mix(285, 105, t));

/** From blue over near-white (zero) to orange-brown; lightness falls equally on both sides. */
const diverging = (t: number): Rgb => {
  const away = Math.abs(2 * t - 1);
  return fromLch(mix(0.97, 0.36, away), 0.15 * away ** 0.7, t < 0.5 ? 258 : 50);
};

const tabulate = (color: (t: number) => Rgb): Rgb[] => Array.from({ length: 256 }, (_, i) => color(i / 255));

/** 256 colours from the low to the high end. */
export const colorTables: Record<ColorMap, readonly Rgb[]> = {
  sequential: tabulate(sequential),
  diverging: tabulate(diverging),
};

export interface ColorScale {
  map: ColorMap;
  /** Data values of the two ends; for a diverging map symmetric about zero. */
  domain: [number, number];
}

/**
 * The scale for a set of values: diverging and symmetric about zero when the values have both signs in earnest (the
 * smaller side reaches a tenth of the larger), sequential from minimum to maximum otherwise.
 */
export function colorScaleFor([low, high]: [number, number]): ColorScale {
  if (low < 0 && high > 0 && Math.min(-low, high) >= 0.1 * Math.max(-low, high)) {
    const limit = Math.max(-low, high);
    return { map: 'diverging', domain: [-limit, limit] };
  }
  return { map: 'sequential', domain: low < high ? [low, high] : [low, low + (Math.abs(low) || 1)] };
}

/** Mid grey marks what is not a number; no colour of either map is a neutral grey of that lightness. */
const notANumber: Rgb = [128, 128, 128];

/** The colour of one value; values outside the domain take the colour of the nearer end. */
export function colorOf(value: number, { map, domain: [low, high] }: ColorScale): Rgb {
  if (!Number.isFinite(value)) return notANumber;
  const t = (value - low) / (high - low);
  return colorTables[map][Math.round(255 * Math.min(1, Math.max(0, t)))];
}
