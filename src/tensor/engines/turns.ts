/** Arrays with a leading axis of turns, and scans on engines that have no loop of their own. */
import { allocate, type NDArray } from '../array.ts';
import { sizeOf } from '../shape.ts';
import type { Executable, Graph } from './engine.ts';

/** One turn of an array [turns, ...], in the same memory. */
export function turnOf({ data, shape: [, ...shape], dtype }: NDArray, turn: number): NDArray {
  const size = sizeOf(shape);
  return { data: data.subarray(turn * size, (turn + 1) * size), shape, dtype };
}

/** The opposite: [turns, ...] of arrays of one shape; a single one keeps its memory. */
export function stackTurns(turns: readonly NDArray[]): NDArray {
  const [{ data: first, shape, dtype }] = turns;
  const data = turns.length === 1 ? first : allocate(dtype, turns.length * first.length);
  if (turns.length > 1) turns.forEach((turn, i) => data.set(turn.data, i * first.length));
  return { data, shape: [turns.length, ...shape], dtype };
}

/** `once` as it is; for a scan, as many times as the feeds have turns, with what is carried going round. */
export function inTurns({ carried }: Graph, once: Executable['run']): Executable['run'] {
  if (carried === undefined) return once;
  return async (feeds) => {
    let state = feeds.slice(0, carried);
    const [turns] = feeds[carried].shape;
    const results: NDArray[][] = [];
    for (let turn = 0; turn < turns; turn++) {
      const outputs = await once([...state, ...feeds.slice(carried).map((feed) => turnOf(feed, turn))]);
      state = outputs.slice(0, carried);
      results.push(outputs.slice(carried));
    }
    return [...state, ...results[0].map((_, i) => stackTurns(results.map((outputs) => outputs[i])))];
  };
}
