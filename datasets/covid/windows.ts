/** Windows of days cut from a series, and the ways to split them into training, validation, calibration and test. */
import { foldIn, key, permutation } from '../../src/tensor/random.ts';

/** Days a forecast sees, and days it is for. */
export const HISTORY = 14;
export const HORIZON = 7;
export const WINDOW = HISTORY + HORIZON;

export const windowRoles = ['train', 'validation', 'calibration', 'test'] as const;
export type WindowRole = (typeof windowRoles)[number];

/** First days of the windows of each role, as positions in the series. */
export type WindowSplit = Readonly<Record<WindowRole, Int32Array>>;

/**
 * `random`: windows are dealt out at random, as the published benchmark does. Neighbouring windows share 20 of 21 days, so the test
 * windows have been seen in training, shifted by a day.
 * `forward`: blocks of days in the order train, validation, calibration, test; a window lies within one block, so that no two
 * roles share a day, and the future is never trained on. Fold k of ten tests a later block than fold k − 1.
 * `blocked`: the blocks of `forward`, and training on the days after the test block as well. No role shares a day with another, but the days
 * to come are known: beside the two others it tells what shared days bring, and what more of the epidemic.
 */
export const splitKinds = ['random', 'forward', 'blocked'] as const;
export type SplitKind = (typeof splitKinds)[number];

export const FOLDS = 10;
/** Shares of validation, calibration and test windows of a random split. */
const SHARE = 0.1;
/** Days of the validation, calibration and test block of a forward split: 15 windows each. */
const BLOCK = 35;
/** Least share of the days that a forward split trains on. */
const LEAST_HISTORY = 0.25;

/** Number of windows of a series; all its days, one shift a day. */
export const windowCount = (days: number): number => Math.max(0, days - WINDOW + 1);

export interface SplitOptions {
  readonly days: number;
  /** 0 … FOLDS − 1. */
  readonly fold: number;
  readonly seed: number;
  /** A window that every random split puts into the test role, so that all folds can picture it. */
  readonly reserved?: number | undefined;
}

/** Splits the windows of a series. Throws when there are too few days, or no such fold. */
export function splitWindows(kind: SplitKind, options: SplitOptions): WindowSplit {
  const { days, fold } = options;
  if (!Number.isInteger(fold) || fold < 0 || fold >= FOLDS)
    throw new Error(`fold ${fold}, expected a whole number from 0 to ${FOLDS - 1}`);
  const least = Math.ceil((3 * BLOCK + WINDOW) / (1 - LEAST_HISTORY));
  if (days < least)
    throw new Error(
      `${days} days are too few for training, validation, calibration and test; expected ${least}`,
    );
  if (kind === 'random') return randomSplit(options);
  const forward = forwardSplit(days, fold);
  return kind === 'forward' ? forward : { ...forward, train: withDaysAfter(forward, days) };
}

function randomSplit({ days, fold, seed, reserved }: SplitOptions): WindowSplit {
  const count = windowCount(days);
  const part = Math.round(SHARE * count);
  const shuffled = permutation(foldIn(key(seed), fold), count);
  const order =
    reserved === undefined ? shuffled : Int32Array.of(reserved, ...shuffled.filter((i) => i !== reserved));
  const ascending = (from: number, to: number): Int32Array => order.slice(from, to).sort();
  return {
    test: ascending(0, part),
    calibration: ascending(part, 2 * part),
    validation: ascending(2 * part, 3 * part),
    train: ascending(3 * part, count),
  };
}

function forwardSplit(days: number, fold: number): WindowSplit {
  const earliest = Math.ceil(LEAST_HISTORY * days) + 2 * BLOCK;
  const latest = days - BLOCK;
  const test = earliest + Math.round((fold * (latest - earliest)) / (FOLDS - 1));
  const within = (from: number, to: number): Int32Array =>
    Int32Array.from({ length: windowCount(to - from) }, (_, i) => from + i);
  return {
    train: within(0, test - 2 * BLOCK),
    validation: within(test - 2 * BLOCK, test - BLOCK),
    calibration: within(test - BLOCK, test),
    test: within(test, test + BLOCK),
  };
}

/** Training windows of a forward split and those of the days after its test block. */
function withDaysAfter({ train, test }: WindowSplit, days: number): Int32Array {
  const after = test[test.length - 1] + WINDOW;
  return Int32Array.from([
    ...train,
    ...Array.from({ length: windowCount(days - after) }, (_, i) => after + i),
  ]);
}

/** Windows with their days and quantities, row by row. */
export interface Windows {
  readonly count: number;
  /** [windows, HISTORY, states, quantities] */
  readonly history: Float64Array;
  /** [windows, HORIZON, states, quantities] */
  readonly future: Float64Array;
}

/** The windows that begin on the days `starts` of the values [days, width], width = states · quantities. */
export function cutWindows(values: Float64Array, width: number, starts: ArrayLike<number>): Windows {
  const count = starts.length;
  const history = new Float64Array(count * HISTORY * width);
  const future = new Float64Array(count * HORIZON * width);
  for (let i = 0; i < count; i++) {
    const from = starts[i] * width;
    const middle = from + HISTORY * width;
    if (from < 0 || middle + HORIZON * width > values.length)
      throw new Error(
        `a window of ${WINDOW} days cannot begin on day ${starts[i]} of ${values.length / width}`,
      );
    history.set(values.subarray(from, middle), i * HISTORY * width);
    future.set(values.subarray(middle, middle + HORIZON * width), i * HORIZON * width);
  }
  return { count, history, future };
}
