/** Further training samples that an equation gives for nothing: what it does to a field, it does to the field moved along the circle. */
import type { Batch } from '../nn/batches.ts';
import type { Condition } from '../runs/index.ts';
import type { NDArray } from '../tensor/index.ts';
import { uniform, type Key } from '../tensor/random.ts';

export const augmentationNames = ['none', 'shift'] as const;
export type Augmentation = (typeof augmentationNames)[number];

/** The condition of a job with the augmentation; one without says nothing. */
export const augmented = (condition: Condition, augmentation: Augmentation): Condition =>
  augmentation === 'none' ? condition : { ...condition, training: 'samples shifted at random' };

/** The opposite: the condition that baselines have, which do not train. */
export const unaugmented = ({ training: _, ...condition }: Condition): Condition => condition;

/** Fields [batch, s, …] of a batch, each sample rolled along s by a random number of points, the same in all fields. */
export function shiftSamples(batch: Batch, key: Key): Batch {
  const [[, { shape }]] = Object.entries(batch);
  const [count, points] = shape;
  const shifts = Int32Array.from(uniform(key, count), (x) => Math.floor(x * points));
  return Object.fromEntries(Object.entries(batch).map(([name, field]) => [name, rolled(field, shifts)]));
}

function rolled({ data, shape, dtype }: NDArray, shifts: Int32Array): NDArray {
  const size = data.length / shape[0];
  const step = size / shape[1];
  const moved = data.slice();
  shifts.forEach((shift, i) => {
    const sample = data.subarray(i * size, (i + 1) * size);
    const cut = size - shift * step;
    moved.set(sample.subarray(cut), i * size);
    moved.set(sample.subarray(0, cut), i * size + size - cut);
  });
  return { data: moved, shape, dtype };
}
