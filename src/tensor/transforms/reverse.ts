/** Reverse-mode differentiation: graph to graph, one rule an op. */
import { isFloat } from '../array.ts';
import { dependents, topologicalOrder } from '../graph/traverse.ts';
import { add } from '../ops/arithmetic.ts';
import { alias } from '../ops/identity.ts';
import { sameShape, showShape } from '../shape.ts';
import { constant, ones, type Tensor, zerosLike } from '../tensor.ts';
import { flatten, unflatten } from '../tree.ts';

/** Pulls cotangents of `outputs` back to `sources`; `null` where an output does not depend on a source. */
export function pullback(
  outputs: readonly Tensor[],
  cotangents: readonly (Tensor | null)[],
  sources: readonly Tensor[],
): (Tensor | null)[] {
  const order = topologicalOrder(outputs);
  const active = dependents(order, sources);
  const collected = new Map<Tensor, Tensor>();
  const collect = (node: Tensor, cotangent: Tensor): void => {
    const before = collected.get(node);
    collected.set(node, before ? add(before, cotangent) : cotangent);
  };
  outputs.forEach((output, i) => {
    const cotangent = cotangents[i];
    if (cotangent && active.has(output)) collect(output, cotangent);
  });
  const isSource = new Set(sources);
  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i];
    const cotangent = collected.get(node);
    if (!cotangent || isSource.has(node) || node.op.vjp === 'none') continue;
    const needs = node.inputs.map((x) => active.has(x) && isFloat(x.dtype));
    if (!needs.includes(true)) continue;
    const { inputs, attributes } = node;
    const given = node.op.vjp({ inputs, output: node, cotangent, needs, attributes });
    inputs.forEach((input, k) => {
      const part = given[k];
      if (!part || !needs[k]) return;
      if (!sameShape(part.shape, input.shape)) {
        throw new Error(
          `${node.op.name}: its vjp gave ${showShape(part.shape)} for an input of shape ${showShape(input.shape)}`,
        );
      }
      collect(input, part);
    });
    collected.delete(node);
  }
  return sources.map((source) => collected.get(source) ?? null);
}

/** Names of what a transform differentiates must be floats. */
function aliases<P>(tree: P, where: string): { sources: Tensor[]; tree: P } {
  const { leaves, structure } = flatten<Tensor>(tree);
  const sources = leaves.map((leaf) => {
    if (!isFloat(leaf.dtype)) {
      throw new Error(
        `${where}: an argument to differentiate is ${leaf.dtype}${showShape(leaf.shape)}, expected floats`,
      );
    }
    return alias(leaf);
  });
  return { sources, tree: unflatten<P>(structure, sources) };
}

/**
 * f(primals) and the function that pulls a cotangent of the value (a tree like the value) back to the primals.
 * Rows of the Jacobian: vjp(f, x)[1](eᵢ) = eᵢᵀ J.
 */
export function vjp<A extends readonly unknown[], R>(
  f: (...args: A) => R,
  ...primals: A
): [R, (cotangent: R) => A] {
  const { sources, tree } = aliases(primals, 'vjp');
  const value = f(...tree);
  const outputs = flatten<Tensor>(value);
  const structure = flatten<Tensor>(primals).structure;
  const pull = (cotangent: R): A => {
    const cotangents = flatten<Tensor>(cotangent).leaves;
    outputs.leaves.forEach((output, i) => requireLike(cotangents[i], output, 'vjp: the cotangent'));
    const pulled = pullback(outputs.leaves, cotangents, sources);
    return unflatten<A>(
      structure,
      pulled.map((part, i) => part ?? zerosLike(sources[i])),
    );
  };
  return [value, pull];
}

export function requireLike(given: Tensor | undefined, expected: Tensor, what: string): void {
  if (given && sameShape(given.shape, expected.shape) && given.dtype === expected.dtype) return;
  const came = given ? `${given.dtype}${showShape(given.shape)}` : 'nothing';
  throw new Error(`${what} is ${came}, expected ${expected.dtype}${showShape(expected.shape)}`);
}

function requireScalar(value: Tensor, where: string): void {
  if (value.rank !== 0) {
    throw new Error(
      `${where}: the function returned shape ${showShape(value.shape)}, expected a scalar; reduce it (sum, mean), or use vjp or jacobian`,
    );
  }
}

/** Value and gradient of a scalar function with respect to its first argument (a tree). */
export function valueAndGrad<P, Rest extends readonly unknown[]>(
  f: (first: P, ...rest: Rest) => Tensor,
): (first: P, ...rest: Rest) => [Tensor, P] {
  return (first, ...rest) => {
    const { sources, tree } = aliases(first, 'grad');
    const value = f(tree, ...rest);
    requireScalar(value, 'grad');
    const pulled = pullback([value], [ones([], value.dtype)], sources);
    const structure = flatten<Tensor>(first).structure;
    return [
      value,
      unflatten<P>(
        structure,
        pulled.map((part, i) => part ?? zerosLike(sources[i])),
      ),
    ];
  };
}

/** Gradient of a scalar function with respect to its first argument (a tree). */
export const grad =
  <P, Rest extends readonly unknown[]>(f: (first: P, ...rest: Rest) => Tensor) =>
  (first: P, ...rest: Rest): P =>
    valueAndGrad(f)(first, ...rest)[1];

/** Like valueAndGrad for functions that return [loss, auxiliary tree]. */
export function valueAndGradWithAux<P, Aux, Rest extends readonly unknown[]>(
  f: (first: P, ...rest: Rest) => readonly [Tensor, Aux],
): (first: P, ...rest: Rest) => [[Tensor, Aux], P] {
  return (first, ...rest) => {
    let kept: Aux | undefined;
    const scalar = (p: P, ...others: Rest): Tensor => {
      const [loss, aux] = f(p, ...others);
      kept = aux;
      return loss;
    };
    const [loss, gradient] = valueAndGrad(scalar)(first, ...rest);
    return [[loss, kept as Aux], gradient];
  };
}

export const identityMatrix = (n: number): Tensor => {
  const data = new Float64Array(n * n);
  for (let i = 0; i < n; i++) data[i * n + i] = 1;
  return constant(data, [n, n]);
};
