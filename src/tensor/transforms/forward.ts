/**
 * Forward mode without rules of its own: the pullback is linear in its cotangent, so its transpose is the Jacobian
 * itself (Radul et al., "You only linearize once", read backwards). Dead code elimination drops the pullback.
 */
import { dependents, topologicalOrder } from '../graph/traverse.ts';
import { alias } from '../ops/identity.ts';
import { placeholder, Tensor, zerosLike } from '../tensor.ts';
import { flatten, unflatten } from '../tree.ts';
import { grad, pullback, requireLike } from './reverse.ts';

/** f(primals) and the linear map from tangents of the primals to the tangent of the value. */
export function linearize<A extends readonly unknown[], R>(
  f: (...args: A) => R,
  ...primals: A
): [R, (...tangents: A) => R] {
  const given = flatten<Tensor>(primals);
  const sources = given.leaves.map(alias);
  const value = f(...unflatten<A>(given.structure, sources));
  const outputs = flatten<Tensor>(value);
  const cotangents = outputs.leaves.map((y) => placeholder(y.shape, y.dtype, 'cotangent'));
  const pulled = pullback(outputs.leaves, cotangents, sources);

  const push = (...tangents: A): R => {
    const directions = flatten<Tensor>(tangents).leaves;
    sources.forEach((source, i) => requireLike(directions[i], source, 'jvp: a tangent'));
    const linear = pulled.flatMap((part, i) => (part ? [{ part, direction: directions[i] }] : []));
    const pushed = pullback(
      linear.map(({ part }) => part),
      linear.map(({ direction }) => direction),
      cotangents,
    );
    const result = withoutWaiting(
      outputs.leaves.map((y, i) => pushed[i] ?? zerosLike(y)),
      cotangents,
    );
    const reached = dependents(topologicalOrder(result), cotangents);
    if (result.some((tangent) => reached.has(tangent))) {
      throw new Error(
        'jvp: a derivative rule on the way is not linear in its cotangent, so it has no transpose; use vjp here',
      );
    }
    return unflatten<R>(outputs.structure, result);
  };
  return [value, push];
}

/**
 * Checkpoints compute again what they need once the cotangent is there (`after`). Forward mode never has that cotangent
 * and keeps nothing for it: there they do not wait.
 */
function withoutWaiting(outputs: readonly Tensor[], cotangents: readonly Tensor[]): Tensor[] {
  const order = topologicalOrder(outputs);
  const waiting = dependents(order, cotangents);
  const known = new Map<Tensor, Tensor>();
  for (const node of order) {
    const inputs = node.inputs.map((x) => known.get(x) ?? x);
    if (node.op.name === 'after' && waiting.has(node.inputs[1])) known.set(node, inputs[0]);
    else if (inputs.some((x, i) => x !== node.inputs[i]))
      known.set(node, new Tensor(node.op, inputs, node.attributes, node));
  }
  return outputs.map((node) => known.get(node) ?? node);
}

/** f(primals) and J(primals)·tangents. */
export function jvp<A extends readonly unknown[], R>(f: (...args: A) => R, primals: A, tangents: A): [R, R] {
  const [value, push] = linearize(f, ...primals);
  return [value, push(...tangents)];
}

/** Hessian of a scalar function times a direction: forward over reverse. */
export function hessianVectorProduct<P>(f: (x: P) => Tensor, x: P, direction: P): P {
  return jvp((point: P) => grad(f)(point), [x], [direction])[1];
}
