/** User-given derivatives and recomputation in the backward pass. */
import { isFloat } from '../array.ts';
import { batchGraph } from '../graph/batchGraph.ts';
import { substitute, topologicalOrder } from '../graph/traverse.ts';
import { after, alias, customNode, type CustomAttributes, type CustomRule } from '../ops/identity.ts';
import { sum } from '../ops/reduction.ts';
import { concat, reshape } from '../ops/shape.ts';
import { sliceAxis } from '../ops/slice.ts';
import { sizeOf } from '../shape.ts';
import { isConstant, placeholder, type Tensor, zerosLike } from '../tensor.ts';
import { flatten, unflatten, type Structure } from '../tree.ts';
import { pullback } from './reverse.ts';

/** Several outputs travel as one flat vector, so that a custom node has one value and one cotangent. */
const pack = (leaves: readonly Tensor[]): Tensor => concat(leaves.map((leaf) => reshape(leaf, [-1])));

function unpack(flat: Tensor, like: readonly Tensor[]): Tensor[] {
  let start = 0;
  return like.map((leaf) => reshape(sliceAxis(flat, 0, start, (start += sizeOf(leaf.shape))), leaf.shape));
}

/** Attributes of a custom node, and of the same node under any number of vmaps. */
function attributesOf(name: string, captures: number, rule: CustomRule): CustomAttributes {
  const batched = (argsBatched: readonly boolean[], size: number): CustomAttributes =>
    attributesOf(name, captures, (args, cotangent) => {
      const examples = args.map((arg, i) =>
        argsBatched[i] ? placeholder(arg.shape.slice(1), arg.dtype) : arg,
      );
      const u = placeholder(cotangent.shape.slice(1), cotangent.dtype);
      const results = rule(examples, u);
      const mapped = examples.flatMap((example, i) => (argsBatched[i] ? [[example, args[i]] as const] : []));
      return results.map((result, i) => {
        if (!result) return null;
        const [whole] = batchGraph(
          [result],
          [u, ...mapped.map(([e]) => e)],
          [cotangent, ...mapped.map(([, v]) => v)],
          size,
        );
        return argsBatched[i] ? whole : sumLeading(whole);
      });
    });
  return { name, captures, rule, batched };
}

const sumLeading = (x: Tensor): Tensor => sum(x, 0);

interface Traced<R> {
  readonly value: R;
  readonly outputs: { leaves: Tensor[]; structure: Structure };
  readonly args: Tensor[];
  readonly captures: Tensor[];
}

/** Runs f on aliases of its arguments and finds the outside tensors that it captured by closure. */
function trace<A extends readonly unknown[], R>(f: (...args: A) => R, given: A): Traced<R> {
  const { leaves, structure } = flatten<Tensor>(given);
  // Node numbers grow, so whatever has a smaller one than this was there before f ran.
  const firstInside = placeholder([]).id;
  const args = leaves.map(alias);
  const value = f(...unflatten<A>(structure, args));
  const outputs = flatten<Tensor>(value);
  const isArgument = new Set(args);
  const used = topologicalOrder(outputs.leaves)
    .filter((node) => node.id >= firstInside && !isArgument.has(node))
    .flatMap((node) => node.inputs);
  // A captured tensor may also be returned as it is.
  const outside = [...outputs.leaves, ...used].filter((x) => x.id < firstInside && !isConstant(x));
  const captures = new Set(outside);
  return { value, outputs, args, captures: [...captures] };
}

/**
 * f with a derivative of the user's: `backward(args, cotangent)` returns cotangents of the arguments (a tuple of trees).
 * The rule must be linear in the cotangent if jvp is to be taken. Tensors that f captures by closure are constants to
 * it; differentiating one of them is refused.
 */
export function customVjp<A extends readonly unknown[], R>(
  f: (...args: A) => R,
  backward: (args: A, cotangent: R) => readonly [...A],
  name = 'customVjp',
): (...args: A) => R {
  return (...given) => {
    const { outputs, args, captures } = trace(f, given);
    const { structure } = flatten<Tensor>(given);
    const rule: CustomRule = (inputs, cotangent) => {
      const cotangents = unflatten<R>(outputs.structure, unpack(cotangent, outputs.leaves));
      const result = backward(unflatten<A>(structure, inputs.slice(0, args.length)), cotangents);
      return [...flatten<Tensor>(result).leaves, ...captures.map(() => null)];
    };
    const node = customNode(
      pack(outputs.leaves),
      [...args, ...captures],
      attributesOf(name, args.length, rule),
    );
    return unflatten<R>(outputs.structure, unpack(node, outputs.leaves));
  };
}

/**
 * f whose intermediate values are computed again in the backward pass instead of being kept (gradient checkpointing,
 * Chen et al. 2016, arXiv 1604.06174). Captured tensors are differentiated as if they were arguments.
 */
export function checkpoint<A extends readonly unknown[], R>(f: (...args: A) => R): (...args: A) => R {
  return (...given) => {
    const { outputs, args, captures } = trace(f, given);
    const sources = [...args, ...captures];
    const rule: CustomRule = (inputs, cotangent) => {
      const fresh = inputs.map((input) => after(input, cotangent));
      const again = substitute(outputs.leaves, new Map(sources.map((source, i) => [source, fresh[i]])));
      const pulled = pullback(again, unpack(cotangent, outputs.leaves), fresh);
      return pulled.map((part, i) => (isFloat(fresh[i].dtype) ? (part ?? zerosLike(fresh[i])) : null));
    };
    const attributes = attributesOf('checkpoint', sources.length, rule);
    const node = customNode(pack(outputs.leaves), sources, attributes);
    return unflatten<R>(outputs.structure, unpack(node, outputs.leaves));
  };
}
