/**
 * Forward mode without rules of its own: the pullback is linear in its cotangent, so its transpose is the Jacobian
 * itself (Radul et al., "You only linearize once", read backwards). Dead code elimination drops the pullback.
 */
import { dependents, topologicalOrder } from '../graph/traverse.ts';
import { alias } from '../ops/identity.ts';
import { placeholder, type Tensor, zerosLike } from '../tensor.ts';
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
    const result = outputs.leaves.map((y, i) => pushed[i] ?? zerosLike(y));
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

/** f(primals) and J(primals)·tangents. */
export function jvp<A extends readonly unknown[], R>(f: (...args: A) => R, primals: A, tangents: A): [R, R] {
  const [value, push] = linearize(f, ...primals);
  return [value, push(...tangents)];
}

/** Hessian of a scalar function times a direction: forward over reverse. */
export function hessianVectorProduct<P>(f: (x: P) => Tensor, x: P, direction: P): P {
  return jvp((point: P) => grad(f)(point), [x], [direction])[1];
}
