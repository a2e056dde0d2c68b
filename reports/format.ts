/** Numbers, durations and names as a reader of a scientific table expects them. */

const superscripts: Record<string, string> = {
  '-': '⁻',
  '0': '⁰',
  '1': '¹',
  '2': '²',
  '3': '³',
  '4': '⁴',
  '5': '⁵',
  '6': '⁶',
  '7': '⁷',
  '8': '⁸',
  '9': '⁹',
};

/** A power of ten with a true superscript: `powerOfTen(-7)` is `10⁻⁷`. */
export const powerOfTen = (exponent: number): string =>
  '10' + [...String(exponent)].map((c) => superscripts[c]).join('');

const withMinus = (text: string): string => text.replace(/^-/, '−');

/** Decimal exponent of `value` after rounding to `digits` significant digits (0.0999 with 2 digits has exponent −1). */
const exponentOf = (value: number, digits: number): number =>
  Number(
    Math.abs(value)
      .toExponential(digits - 1)
      .split('e')[1],
  );

/** Numbers outside 10⁻⁴ … 10⁵ are written with a power of ten. */
const isPlain = (exponent: number): boolean => exponent >= -4 && exponent < 5;

/** A number with `digits` significant digits; `—` for what is not finite. */
export function formatNumber(value: number | null | undefined, digits = 3): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '—';
  if (value === 0) return '0';
  const exponent = exponentOf(value, digits);
  if (isPlain(exponent)) return withMinus(value.toFixed(Math.max(0, digits - 1 - exponent)));
  return `${withMinus((value / 10 ** exponent).toFixed(digits - 1))}×${powerOfTen(exponent)}`;
}

/** As few digits as the number has, at most four significant ones: for free facts such as settings and limits. */
export function formatFact(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return withMinus(String(value));
  return withMinus(String(Number(value.toPrecision(4)))).replace(
    /e([+-]\d+)$/,
    (_, e: string) => `×${powerOfTen(Number(e))}`,
  );
}

/**
 * `mean ± std`: the deviation with two significant digits, the mean to the same decimal place (0.00301 ± 0.00012).
 * Without a deviation the mean alone, with three significant digits.
 */
export function formatMeanStd(mean: number | null, std: number | null): string {
  if (mean === null || !Number.isFinite(mean)) return '—';
  if (std === null || !Number.isFinite(std)) return formatNumber(mean);
  if (std === 0) return `${formatNumber(mean)} ± 0`;
  const stdExponent = exponentOf(std, 2);
  const meanExponent = mean === 0 ? stdExponent : exponentOf(mean, 3);
  // More than six digits of a mean cannot be read; then the deviation stands in its own power of ten.
  if (meanExponent - stdExponent > 4) return `${formatNumber(mean, 5)} ± ${formatNumber(std, 2)}`;
  const scale = Math.max(meanExponent, stdExponent);
  if (isPlain(scale)) {
    const decimals = Math.max(0, 1 - stdExponent);
    return `${withMinus(mean.toFixed(decimals))} ± ${std.toFixed(decimals)}`;
  }
  const decimals = Math.max(0, 1 - stdExponent + scale);
  const unit = 10 ** scale;
  return `(${withMinus((mean / unit).toFixed(decimals))} ± ${(std / unit).toFixed(decimals)})×${powerOfTen(scale)}`;
}

/** A count with thousands separated: 266,837. */
export const formatCount = (count: number | null): string =>
  count === null ? '—' : count.toLocaleString('en-US');

/** A duration in seconds as `0.43 s`, `12.3 s`, `12 min 5 s` or `3 h 12 min`. */
export function formatSeconds(seconds: number | null): string {
  if (seconds === null || !Number.isFinite(seconds)) return '—';
  if (seconds < 10) return `${formatNumber(seconds, 2)} s`;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 3599.5) {
    const whole = Math.round(seconds);
    return whole % 60 ? `${Math.floor(whole / 60)} min ${whole % 60} s` : `${whole / 60} min`;
  }
  const minutes = Math.round(seconds / 60);
  return minutes % 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${minutes / 60} h`;
}

/** `1 seed`, `3 seeds`. */
export const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** `seeds` as `Seeds`. */
export const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** `a`, `a and b`, `a, b and c`. */
export const listWords = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words[words.length - 1]}`;

/** A text as an anchor or file name: lower case, letters and digits, hyphens between. */
export const slug = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 60) || 'item';
