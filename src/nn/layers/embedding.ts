/** A learned vector for each of a number of symbols. */
import { gather, type NDArray, type Tensor } from '../../tensor/index.ts';
import type { Key } from '../../tensor/random.ts';
import { normalInitialiser, type Initialiser } from '../initialisers.ts';

export type EmbeddingParameters<Leaf = NDArray> = {
  /** `[count, width]` */
  readonly table: Leaf;
};

export const embedding = {
  init(
    key: Key,
    { count, width, table = normalInitialiser() }: { count: number; width: number; table?: Initialiser },
  ): EmbeddingParameters {
    return { table: table(key, [count, width]) };
  },

  /** int32 symbols `[...]`, each in [0, count), → `[..., width]`. */
  apply: ({ table }: EmbeddingParameters<Tensor>, symbols: Tensor): Tensor => gather(table, symbols, 0),
};
