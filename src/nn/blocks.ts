/**
 * Packed vectors in blocks. An optimiser's update is a dozen elementwise operations on vectors as long as all parameters;
 * one after the other, each is a pass over main memory. Block by block, all but the first reads and the last writes
 * stay in the processor's cache. Between two steps a training keeps its vectors in blocks, so none is joined and cut again.
 */
import { concat, sliceAxis, type NDArray, type Tensor } from '../tensor/index.ts';
import type { Layout } from './parameters.ts';

/** Values of a block: those of an update together fit in a core's cache, and millions of parameters are under a hundred blocks. */
const BLOCK = 2 ** 17;

/** A vector of `[n]` as vectors `[n_i]` that follow one another. */
export type Blocks<Leaf> = readonly Leaf[];

/** Lengths of the blocks of a packed vector: leaves that are larger than a block are cut, small neighbours stay together. */
export function blockLengths({ entries }: Pick<Layout, 'entries'>, limit = BLOCK): number[] {
  const lengths: number[] = [];
  let room = 0;
  for (const { size } of entries) {
    if (size <= room) {
      lengths[lengths.length - 1] += size;
      room -= size;
      continue;
    }
    for (let start = 0; start < size; start += limit) lengths.push(Math.min(limit, size - start));
    room = limit - lengths[lengths.length - 1];
  }
  return lengths;
}

/** Cuts vectors that follow one another at other places: as many and as long as `lengths`. */
export function regroup(vectors: readonly Tensor[], lengths: readonly number[]): Tensor[] {
  let [vector, at] = [0, 0];
  return lengths.map((length) => {
    const parts: Tensor[] = [];
    for (let missing = length; missing > 0;) {
      const source = vectors[vector];
      const taken = Math.min(missing, source.shape[0] - at);
      parts.push(sliceAxis(source, 0, at, at + taken));
      missing -= taken;
      at += taken;
      if (at === source.shape[0]) [vector, at] = [vector + 1, 0];
    }
    return parts.length === 1 ? parts[0] : concat(parts);
  });
}

/** Blocks that share the memory of the vector. */
export function cut(vector: NDArray, lengths: readonly number[]): Blocks<NDArray> {
  let end = 0;
  return lengths.map((length) => {
    end += length;
    return { ...vector, data: vector.data.subarray(end - length, end), shape: [length] };
  });
}

/** The vector of its blocks, in memory of its own. */
export function join(blocks: Blocks<NDArray>): NDArray {
  const size = blocks.reduce((sum, { shape }) => sum + shape[0], 0);
  const data = new Float32Array(size);
  let start = 0;
  for (const block of blocks) {
    data.set(block.data, start);
    start += block.shape[0];
  }
  return { data, shape: [size], dtype: 'float32' };
}
