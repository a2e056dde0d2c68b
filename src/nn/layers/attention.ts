/** Multi-head attention (Vaswani et al. 2017). */
import {
  add,
  matmul,
  mul,
  reshape,
  showShape,
  softmax,
  transpose,
  type NDArray,
  type Tensor,
} from '../../tensor/index.ts';
import { split, type Key } from '../../tensor/random.ts';
import { xavierUniform, zerosInitialiser } from '../initialisers.ts';
import { linear, type LinearParameters } from './linear.ts';

export type AttentionParameters<Leaf = NDArray> = {
  readonly query: LinearParameters<Leaf>;
  readonly key: LinearParameters<Leaf>;
  readonly value: LinearParameters<Leaf>;
  readonly output: LinearParameters<Leaf>;
};

export interface AttentionOptions {
  /** Divides the width. */
  readonly heads: number;
  /** Added to the scores, broadcast to `[batch, heads, queries, keys]`: 0 to attend, −∞ (or very low) not to. */
  readonly bias?: Tensor;
}

/** softmax(q kᵀ / √d) v over the last two axes: `[..., queries, d]`, `[..., keys, d]`, `[..., keys, e]` → `[..., queries, e]`. */
export function scaledDotProductAttention(q: Tensor, k: Tensor, v: Tensor, bias?: Tensor): Tensor {
  const scores = matmul(mul(q, 1 / Math.sqrt(q.shape[q.rank - 1])), transpose(k));
  return matmul(softmax(bias ? add(scores, bias) : scores, -1), v);
}

export const multiHeadAttention = {
  init(key: Key, { width }: { readonly width: number }): AttentionParameters {
    const [q, k, v, o] = split(key, 4);
    const project = (from: Key) =>
      linear.init(from, { inputs: width, outputs: width, weight: xavierUniform(), bias: zerosInitialiser });
    return { query: project(q), key: project(k), value: project(v), output: project(o) };
  },

  /** Queries `[batch, queries, width]` attend to `context` `[batch, keys, width]` (default: themselves). */
  apply(
    params: AttentionParameters<Tensor>,
    x: Tensor,
    { heads, bias, context = x }: AttentionOptions & { readonly context?: Tensor },
  ): Tensor {
    const width = params.query.weight.shape[1];
    if (!Number.isInteger(heads) || heads < 1 || width % heads !== 0) {
      throw new Error(`multiHeadAttention: ${heads} heads do not divide the width ${width}`);
    }
    if (x.rank !== 3 || context.rank !== 3) {
      throw new Error(
        `multiHeadAttention: input ${showShape(x.shape)} and context ${showShape(context.shape)}, expected [batch, positions, ${width}]`,
      );
    }
    const perHead = (y: Tensor): Tensor =>
      transpose(reshape(y, [y.shape[0], y.shape[1], heads, width / heads]), [0, 2, 1, 3]);
    const attended = scaledDotProductAttention(
      perHead(linear.apply(params.query, x)),
      perHead(linear.apply(params.key, context)),
      perHead(linear.apply(params.value, context)),
      bias,
    );
    return linear.apply(params.output, reshape(transpose(attended, [0, 2, 1, 3]), x.shape));
  },
};
