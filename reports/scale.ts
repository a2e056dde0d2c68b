/** Axes: domains that hold the data, ticks at round numbers, and the map from data to pixels. */
import { powerOfTen } from './format.ts';

export type ScaleKind = 'linear' | 'log';

export interface Tick {
  value: number;
  label: string;
}

export interface Scale {
  kind: ScaleKind;
  /** Ends of the axis in data units; positive on a log axis. */
  domain: [number, number];
  ticks: Tick[];
  /** Data to pixels; NaN where the axis has no place for the value (zero or negative on a log axis, not finite, beyond 10^±140). */
  position: (value: number) => number;
}

/** The step 1, 2 or 5 times a power of ten that divides `span` into about `count` parts. */
export function niceStep(span: number, count: number): number {
  const rough = span / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const fraction = rough / power;
  // The thresholds are geometric means between neighbours, so the nearest round step in ratio is taken.
  return (
    power * (fraction < Math.SQRT2 ? 1 : fraction < Math.sqrt(10) ? 2 : fraction < Math.sqrt(50) ? 5 : 10)
  );
}

const minus = (text: string): string => text.replace('-', '−');

const linearLabels = (values: readonly number[], step: number): Tick[] => {
  const largest = Math.max(...values.map(Math.abs));
  const exponent = Math.floor(Math.log10(largest || 1));
  const factor = exponent < -3 || exponent > 5 ? exponent : 0;
  const decimals = Math.max(0, -Math.floor(Math.log10(step / 10 ** factor) + 1e-9));
  return values.map((value) => ({
    value,
    label:
      value === 0
        ? '0'
        : minus((value / 10 ** factor).toFixed(decimals)) + (factor ? `×${powerOfTen(factor)}` : ''),
  }));
};

/** Round ticks inside `[low, high]` on a linear axis. */
export function linearTicks(low: number, high: number, count = 5): Tick[] {
  const step = niceStep(high - low, count);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  // Multiples of an integer index, not repeated addition: 0.30000000000000004 never reaches a label.
  const values = Array.from({ length: last - first + 1 }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)),
  );
  return linearLabels(values, step);
}

const logLabel = (value: number, scientific: boolean): string => {
  if (!scientific) return String(Number(value.toPrecision(3)));
  const exponent = Math.floor(Math.log10(value) + 1e-9);
  const mantissa = Math.round(value / 10 ** exponent);
  return (mantissa === 1 ? '' : `${mantissa}×`) + powerOfTen(exponent);
};

/** Ticks of a log axis: decades, thinned out when there are many, with 2 and 5 between when there are few. */
export function logTicks(low: number, high: number, count = 6): Tick[] {
  const first = Math.floor(Math.log10(low) + 1e-9);
  const last = Math.ceil(Math.log10(high) - 1e-9);
  const decades = Math.log10(high / low);
  const mantissas = decades < 1 ? [1, 2, 3, 5, 7] : decades < 2 ? [1, 2, 5] : decades < 3.5 ? [1, 3] : [1];
  const stride = mantissas.length > 1 ? 1 : Math.max(1, Math.ceil(decades / count));
  const values: number[] = [];
  for (let exponent = first; exponent <= last; exponent++) {
    if (((exponent % stride) + stride) % stride !== 0) continue;
    for (const mantissa of mantissas) {
      const value = mantissa * 10 ** exponent;
      if (value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9)) values.push(Number(value.toPrecision(6)));
    }
  }
  const scientific = values.some((value) => value < 1e-3 * (1 - 1e-9) || value >= 1e5);
  return values.map((value) => ({ value, label: logLabel(value, scientific) }));
}

/** Beyond these sizes sums and ratios of axis values leave float64; such values are as good as infinite or zero. */
const largestDrawn = 1e140;
const smallestDrawn = 1e-140;

/** Whether an axis has a place for a value. */
const hasPlace = (value: number, kind: ScaleKind): boolean =>
  kind === 'log' ? value >= smallestDrawn && value <= largestDrawn : Math.abs(value) <= largestDrawn;

/** Smallest and largest usable value; null when there is none. */
export function extent(values: Iterable<number>, kind: ScaleKind = 'linear'): [number, number] | null {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (!hasPlace(value, kind)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : null;
}

/** A domain of positive length around the data: a single value gets room on both sides. */
const widen = ([low, high]: [number, number], kind: ScaleKind): [number, number] => {
  if (kind === 'log') return high / low > 1 + 1e-9 ? [low, high] : [low / 2, high * 2];
  const size = Math.max(Math.abs(low), Math.abs(high));
  if (high - low > Math.max(1e-12 * size, smallestDrawn)) return [low, high];
  const room = size > smallestDrawn ? size : 1;
  return [low - room / 2, high + room / 2];
};

export interface ScaleOptions {
  kind: ScaleKind;
  /** Smallest and largest value of the data; null when no value can be drawn. */
  extent: [number, number] | null;
  /** Pixels of the ends of the axis. */
  range: [number, number];
  ticks?: number;
  /** Share of the axis left free at both ends. Default 0. */
  padding?: number;
}

/** Builds an axis. */
export function scale({ kind, extent: given, range, ticks = 5, padding = 0 }: ScaleOptions): Scale {
  let [low, high] = widen(given ?? (kind === 'log' ? [0.1, 1] : [0, 1]), kind);
  if (kind === 'log') {
    const room = padding * Math.log(high / low);
    [low, high] = [low * Math.exp(-room), high * Math.exp(room)];
  } else {
    const room = padding * (high - low);
    [low, high] = [low - room, high + room];
  }
  const unit = kind === 'log' ? Math.log : (value: number): number => value;
  const start = unit(low);
  const factor = (range[1] - range[0]) / (unit(high) - start);
  return {
    kind,
    domain: [low, high],
    ticks: kind === 'log' ? logTicks(low, high, ticks + 1) : linearTicks(low, high, ticks),
    position: (value) => (hasPlace(value, kind) ? range[0] + factor * (unit(value) - start) : NaN),
  };
}
