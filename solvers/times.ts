/** Saved times and the time steps that land on them. */

/** Equal to about ten digits: what a decimal such as 0.2/0.001 = 200.00000000000003 needs. */
const RELATIVE_ROUNDING = 1e-9;

/**
 * Steps of length `step` in each interval between saved times, [times − 1]. Throws when an interval is no whole number of
 * steps, naming the nearest steps that divide all of them.
 */
export function stepsBetween(times: readonly number[], step: number): number[] {
  if (!Number.isFinite(step) || step <= 0) throw new Error(`step must be a positive number, got ${step}`);
  const counts = gaps(times).map((gap) => wholeMultiple(gap, step));
  if (counts.every((count) => count !== null)) return counts;
  const gap = commonGap(times);
  const coarser = Math.max(1, Math.floor(gap / step));
  const nearest = [...new Set([coarser, coarser + 1])].map(
    (n) => `${decimal(gap / n)} (${n} to an interval of ${decimal(gap)})`,
  );
  throw new Error(
    `step ${step} does not divide the time between saved times evenly; the nearest steps that do are ${nearest.join(' and ')}`,
  );
}

/** The longest time of which every interval between saved times is a whole multiple. Throws when there is none. */
export function commonGap(times: readonly number[]): number {
  const intervals = gaps(times);
  const shortest = Math.min(...intervals);
  for (let parts = 1; parts <= 1000; parts++) {
    if (intervals.every((gap) => wholeMultiple(gap, shortest / parts) !== null)) return shortest / parts;
  }
  throw new Error(
    'the saved times have no common step: give times that are multiples of one number, such as 0, 0.1, 0.25',
  );
}

/** Throws unless `times` are at least two finite numbers in increasing order. */
export function checkTimes(times: readonly number[]): void {
  if (times.length < 2 || !times.every((t, i) => Number.isFinite(t) && (i === 0 || t > times[i - 1]))) {
    throw new Error(
      'times must be at least two finite numbers in increasing order, the first being that of the initial condition',
    );
  }
}

/** About `frames` saved times of a run from 0 to `time`; with a step, multiples of twice that step (and the end). */
export function savedTimes(time: number, step: number | undefined, frames = 100): number[] {
  if (!Number.isFinite(time) || time <= 0) throw new Error(`time must be a positive number, got ${time}`);
  if (step === undefined) return Array.from({ length: frames + 1 }, (_, i) => (i * time) / frames);
  const [steps] = stepsBetween([0, time], step);
  const stride = 2 * Math.ceil(steps / (2 * frames));
  const times = Array.from({ length: Math.ceil(steps / stride) }, (_, i) => (i * stride * time) / steps);
  return [...times, time];
}

const gaps = (times: readonly number[]): number[] => times.slice(1).map((t, i) => t - times[i]);

function wholeMultiple(length: number, step: number): number | null {
  const count = Math.round(length / step);
  return count >= 1 && Math.abs(length / step - count) <= RELATIVE_ROUNDING * Math.max(count, 1)
    ? count
    : null;
}

/** Ten digits: a step without the rounding of the division that made it. */
export const decimal = (value: number): string => String(Number(value.toPrecision(10)));
