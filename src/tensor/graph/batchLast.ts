/**
 * A layout for batches of small rows: [batch, ...row] is kept as [...row, batch]. The values of one entry then lie side by side, so that
 * a bias, a column, a sum over the row or a broadcast along it is a long run of memory; with the batch in front an engine meets loops of
 * two or three steps there (ONNX Runtime 1.30, 500 rows: up to ten times slower).
 *
 * The pass guesses the size of the batch from the leading axes, gives every node that has a rule its new layout, and puts transposes
 * where the rest needs the old one. Clean-up takes out those that cancel. Where many stay, the graph is left as it was.
 */
import { LoopBody, loopOf, type LoopAttributes } from '../ops/loop.ts';
import { matmul } from '../ops/matmul.ts';
import { broadcastTo, moveAxis, reshape, transpose } from '../ops/shape.ts';
import { sameShape, sizeOf } from '../shape.ts';
import { apply, isConstant, isPlaceholder, placeholder, Tensor } from '../tensor.ts';
import { simplify } from './simplify.ts';
import { substitute, topologicalOrder } from './traverse.ts';

/** Shorter runs of memory are not worth it. */
const LEAST_BATCH = 64;
/** Rows of up to this part of the batch count as small. */
const SMALL_ROW = 0.25;
/** Transposes that may stay, as a part of the nodes that change. */
const MOST_TRANSPOSES = 0.1;

/** The outputs in terms of nodes with the batch last, where that pays; else as they came. */
export function batchLast(outputs: readonly Tensor[]): readonly Tensor[] {
  const batch = likelyBatch(topologicalOrder(outputs));
  if (batch === null) return outputs;
  const { outputs: changed, moved } = moveBatchLast(outputs, batch);
  const added = transposesIn(changed) - transposesIn(outputs);
  return added <= MOST_TRANSPOSES * moved ? changed : outputs;
}

/** The outputs in terms of nodes whose first axis, where it is `batch` long, comes last, and how many nodes that is. */
export function moveBatchLast(
  outputs: readonly Tensor[],
  batch: number,
): { readonly outputs: Tensor[]; readonly moved: number } {
  const layout = new BatchLast(batch);
  for (const node of topologicalOrder(outputs)) layout.visit(node);
  return { outputs: simplify(outputs.map((node) => layout.first(node))), moved: layout.moved };
}

/** The size that leads most nodes, if most of those have small rows. */
function likelyBatch(order: readonly Tensor[]): number | null {
  const led = new Map<number, Tensor[]>();
  for (const node of order) {
    if (node.rank < 2 || node.shape[0] < LEAST_BATCH || isConstant(node)) continue;
    const [batch] = node.shape;
    led.set(batch, [...(led.get(batch) ?? []), node]);
  }
  const [found] = [...led].sort(([, a], [, b]) => b.length - a.length);
  if (!found) return null;
  const [batch, nodes] = found;
  const small = nodes.filter(({ shape }) => sizeOf(shape) <= SMALL_ROW * batch * batch);
  return 2 * small.length > nodes.length ? batch : null;
}

/** Transposes that move values: those that only a product reads are flags of the product. */
function transposesIn(outputs: readonly Tensor[]): number {
  const read = new Set(outputs);
  let inside = 0;
  for (const node of topologicalOrder(outputs)) {
    if (node.op.name !== 'matmul') node.inputs.forEach((x) => read.add(x));
    inside += transposesIn(loopOf(node)?.body.outputs ?? []);
  }
  return inside + [...read].filter(({ op }) => op.name === 'transpose').length;
}

/** A node whose first axis is the batch, with that axis last; null where the rule does not fit. */
type Rule = (node: Tensor, layout: BatchLast) => Tensor | null;

class BatchLast {
  readonly batch: number;
  /** How many nodes changed. */
  moved = 0;
  private readonly firsts = new Map<Tensor, Tensor>();
  private readonly lasts = new Map<Tensor, Tensor>();

  constructor(batch: number) {
    this.batch = batch;
  }

  visit(node: Tensor): void {
    const next = this.rowsOf(node) ? this.ruleFor(node)?.(node, this) : this.total(node);
    if (!next) this.firsts.set(node, this.again(node));
    else if (node.rank < 2 || !this.rowsOf(node)) this.firsts.set(node, next);
    else {
      this.moved++;
      this.lasts.set(node, next);
    }
  }

  /** Whether the first axis is as long as the batch. */
  rowsOf = ({ shape }: Tensor): boolean => shape[0] === this.batch;

  /** The node with its first axis last. */
  last(node: Tensor): Tensor {
    const known = this.lasts.get(node) ?? moveAxis(this.first(node), 0, -1);
    this.lasts.set(node, known);
    return known;
  }

  /** The node as it was. */
  first(node: Tensor): Tensor {
    const known = this.firsts.get(node) ?? moveAxis(this.last(node), -1, 0);
    this.firsts.set(node, known);
    return known;
  }

  /** An operand that broadcasts to a node of that rank, for the node with its first axis last. */
  operand(x: Tensor, rank: number): Tensor {
    if (x.rank === 0) return this.first(x);
    if (x.rank === rank && this.rowsOf(x)) return this.last(x);
    return reshape(this.first(x), [...(x.rank === rank ? x.shape.slice(1) : x.shape), 1]);
  }

  private ruleFor({ op, rank, inputs }: Tensor): Rule | undefined {
    // One number a row is the same in both layouts; only what it is made from may differ.
    if (rank < 2 && !inputs.some((x) => this.lasts.has(x))) return undefined;
    return op.elementwise ? elementwise : rules[op.name];
  }

  /** A reduction that takes the batch with it. */
  private total(node: Tensor): Tensor | null {
    const [x] = node.inputs;
    const reduces = (node.op.name === 'sum' || node.op.name === 'max') && this.lasts.has(x) && this.rowsOf(x);
    return reduces ? reducedLast(node, this) : null;
  }

  private again(node: Tensor): Tensor {
    if (isPlaceholder(node) || isConstant(node)) return node;
    const inputs = node.inputs.map((x) => this.first(x));
    return inputs.every((x, i) => x === node.inputs[i])
      ? node
      : new Tensor(node.op, inputs, node.attributes, node);
  }
}

const again = ({ op }: Tensor, inputs: readonly Tensor[], attributes: Tensor['attributes']): Tensor =>
  apply(op, inputs, attributes);

const behind = ([first, ...rest]: readonly number[]): number[] => [...rest, first];

const elementwise: Rule = (node, layout) => {
  const operands = node.inputs.map((x) => layout.operand(x, node.rank));
  const bare = again(node, operands.map(withoutLeadingOnes), node.attributes);
  return bare.rank === node.rank ? bare : again(node, operands, node.attributes);
};

/** What a tensor was before it got first axes of length 1, which broadcasting adds by itself. */
function withoutLeadingOnes(x: Tensor): Tensor {
  const [given] = x.inputs;
  const added = x.op.name === 'reshape' ? x.rank - given.rank : 0;
  return added > 0 && sameShape(x.shape.slice(added), given.shape) ? given : x;
}

const axesOf = ({ attributes }: Tensor): readonly number[] => attributes['axes'] as readonly number[];

/** The reduction of the same axes, where they lie with the batch last. */
function reducedLast(node: Tensor, layout: BatchLast): Tensor {
  const [x] = node.inputs;
  const axes = axesOf(node).map((axis) => (axis + x.rank - 1) % x.rank);
  return again(node, [layout.last(x)], { axes: axes.sort((a, b) => a - b) });
}

const reduction: Rule = (node, layout) =>
  layout.rowsOf(node.inputs[0]) && !axesOf(node).includes(0) ? reducedLast(node, layout) : null;

/** Ops that work along one axis, which must not be the batch; some inputs are whole tables beside the rows. */
const alongAxis =
  (isRows: (input: number) => boolean = () => true): Rule =>
  (node, layout) => {
    const axis = node.attributes['axis'] as number;
    const fits = axis > 0 && node.inputs.every((x, i) => !isRows(i) || layout.rowsOf(x));
    return fits
      ? again(
          node,
          node.inputs.map((x, i) => (isRows(i) ? layout.last(x) : layout.first(x))),
          { ...node.attributes, axis: axis - 1 },
        )
      : null;
  };

/** Lists of one number an axis, with `idle` where the batch is left alone. */
const perAxis =
  (idle: (batch: number) => Readonly<Record<string, number>>): Rule =>
  (node, layout) => {
    const lists = node.attributes as Readonly<Record<string, readonly number[]>>;
    const wanted = idle(layout.batch);
    const fits = layout.rowsOf(node.inputs[0]) && Object.keys(wanted).every((k) => lists[k][0] === wanted[k]);
    return fits
      ? again(
          node,
          [layout.last(node.inputs[0])],
          Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, behind(list)])),
        )
      : null;
  };

const rules: Readonly<Record<string, Rule>> = {
  sum: reduction,
  max: reduction,
  softmax: alongAxis(),
  logSoftmax: alongAxis(),
  cumulativeSum: alongAxis(),
  argMax: alongAxis(),
  concat: alongAxis(),
  takeAlongAxis: alongAxis(),
  scatterAlongAxis: alongAxis(),
  gather: alongAxis((input) => input === 0),
  scatterAdd: alongAxis((input) => input === 1),
  slice: perAxis((batch) => ({ starts: 0, sizes: batch, steps: 1 })),
  pad: perAxis(() => ({ low: 0, high: 0, interior: 0 })),
  reshape: ({ inputs: [x], shape }, layout) =>
    layout.rowsOf(x) ? reshape(layout.last(x), behind(shape)) : null,
  broadcastTo: ({ inputs: [x], shape }, layout) =>
    broadcastTo(layout.operand(x, shape.length), behind(shape)),
  transpose: ({ inputs: [x], attributes }, layout) => {
    const [first, ...rest] = attributes['permutation'] as readonly number[];
    return first === 0 ? transpose(layout.last(x), [...rest.map((axis) => axis - 1), x.rank - 1]) : null;
  },
  loop: (node, layout) => {
    const { body, ...rest } = node.attributes as LoopAttributes;
    const moves = body.inputs.map((x) => x.rank > 1 && layout.rowsOf(x));
    const inputs = body.inputs.map((x, i) => (moves[i] ? placeholder(behind(x.shape), x.dtype) : x));
    const firsts = body.inputs.map((x, i) => [x, moves[i] ? moveAxis(inputs[i], -1, 0) : x] as const);
    const outputs = substitute(body.outputs, new Map(firsts)).map((x, i) =>
      i < rest.carried && moves[i] ? moveAxis(x, 0, -1) : x,
    );
    const inner = moveBatchLast(outputs, layout.batch);
    layout.moved += inner.moved;
    return again(
      node,
      node.inputs.map((x, i) => (moves[i] ? layout.last(x) : layout.first(x))),
      { ...rest, body: new LoopBody(inputs, inner.outputs) },
    );
  },
  // x W = (Wᵀ xᵀ)ᵀ
  matmul: ({ inputs: [x, w], rank }, layout) =>
    rank === 2 ? matmul(transpose(layout.first(w)), layout.last(x)) : null,
};
