/**
 * A loop whose number of turns depends on values: its body is a graph of its own, which the engine runs again and again until that says
 * it is done (`lax.while_loop` in JAX, `Loop` in ONNX). Iterations of a solver stop where they have converged.
 */
import { batchGraph } from '../graph/batchGraph.ts';
import { evaluate } from '../graph/evaluate.ts';
import { fingerprint } from '../graph/fingerprint.ts';
import { simplify } from '../graph/simplify.ts';
import { frontier, substitute, topologicalOrder } from '../graph/traverse.ts';
import { defineOp, type Attributes, type OpDefinition } from '../op.ts';
import { sameShape, showShape } from '../shape.ts';
import { apply, constant, placeholder, Tensor } from '../tensor.ts';
import { any, not, or, select } from './logic.ts';
import { broadcastTo, reshape, tileLeading } from './shape.ts';

/** What a turn makes: the next state, tensors like those of the state before, and a scalar bool that ends the loop. */
export interface LoopTurn {
  readonly state: readonly Tensor[];
  readonly done: Tensor;
}

/** The graph of one turn. */
export class LoopBody {
  /** Placeholders of the state, then of what the turn reads besides. */
  readonly inputs: readonly Tensor[];
  /** The next state, then `done`. */
  readonly outputs: readonly Tensor[];
  private text: string | undefined;

  constructor(inputs: readonly Tensor[], outputs: readonly Tensor[]) {
    this.inputs = inputs;
    this.outputs = outputs;
  }

  /** What stands for the body where graphs are compared: equal bodies, equal text. */
  toJSON(): string {
    return (this.text ??= fingerprint(this.inputs, this.outputs) ?? `the body of ${this.inputs[0].id}`);
  }
}

export interface LoopAttributes extends Attributes {
  readonly body: LoopBody;
  /** How many inputs are the state at the start; the others stay the same. */
  readonly carried: number;
  readonly most: number;
}

const loopOp: OpDefinition<LoopAttributes> = defineOp<LoopAttributes>({
  name: 'loop',
  infer: ([first]) => first,
  vjp: () => {
    throw new Error(
      'loop: its turns depend on values, so it has no derivative; put stopGradient around the loop and give the derivative of what it finds with customVjp',
    );
  },
  batch: batched,
  onnx(writer, node, inputs) {
    const { body, carried, most } = node.attributes as LoopAttributes;
    const output = writer.fresh();
    const graph = writer.inner(output, (inner) => {
      // ONNX gives a body the number of the turn and its own condition.
      inner.input('turn', [], 'int64');
      inner.input('goes_on', [], 'bool');
      const state = body.inputs.slice(0, carried);
      const { next, done } = partsOf(body);
      return {
        inputs: state,
        outside: new Map(body.inputs.slice(carried).map((input, i) => [input, inputs[carried + i]])),
        outputs: [not(done), ...next],
      };
    });
    const unread = Array.from({ length: carried - 1 }, () => writer.fresh());
    writer.namedNode(
      'Loop',
      [writer.int64([most], []), '', ...inputs.slice(0, carried)],
      [output, ...unread],
      { body: { graph } },
    );
    return output;
  },
  /** All turns one after another, for engines without loops. */
  expand(inputs, { body, carried, most }) {
    let state = inputs.slice(0, carried);
    let finished: Tensor | null = null;
    for (let turn = 0; turn < most; turn++) {
      const { next, done } = partsOf(bodyAt(body, [...state, ...inputs.slice(carried)]));
      const before: Tensor | null = finished;
      state = before === null ? next : next.map((value, i) => select(before, state[i], value));
      finished = before === null ? done : or(before, done);
    }
    return state[0];
  },
  reference(inputs, { attributes: { body, carried, most } }) {
    let state = inputs.slice(0, carried);
    for (let turn = 0, done = false; turn < most && !done; turn++) {
      const given = [...state, ...inputs.slice(carried)];
      const values = evaluate(body.outputs, new Map(body.inputs.map((input, i) => [input, given[i]])));
      state = values.slice(0, carried);
      done = values[carried].data[0] !== 0;
    }
    return state[0].data.slice();
  },
  examples: [],
});

const partsOf = ({ outputs }: Pick<LoopBody, 'outputs'>): { next: Tensor[]; done: Tensor } => ({
  next: outputs.slice(0, -1),
  done: outputs[outputs.length - 1],
});

const bodyAt = ({ inputs, outputs }: LoopBody, given: readonly Tensor[]): { outputs: Tensor[] } => ({
  outputs: substitute(outputs, new Map(inputs.map((input, i) => [input, given[i]]))),
});

/** Every example for itself: one that is done keeps its state while others go on. */
function batched(
  inputs: readonly Tensor[],
  flags: readonly boolean[],
  { body, carried, most }: LoopAttributes,
  size: number,
): Tensor {
  const inBatch = body.inputs.map((_, i) => i < carried || flags[i]);
  const given = body.inputs.map((input, i) =>
    inBatch[i] ? placeholder([size, ...input.shape], input.dtype) : input,
  );
  const finished = placeholder([size], 'bool');
  const { next, done } = partsOf({
    outputs: batchGraph(
      body.outputs,
      body.inputs.filter((_, i) => inBatch[i]),
      given.filter((_, i) => inBatch[i]),
      size,
    ),
  });
  const kept = next.map((value, i) => {
    const column = reshape(finished, [size, ...value.shape.slice(1).map(() => 1)]);
    return select(broadcastTo(column, value.shape), given[i], value);
  });
  const now = or(finished, done);
  const all = not(any(not(now)));
  const start = inputs.slice(0, carried).map((x, i) => (flags[i] ? x : tileLeading(x, size)));
  const none = constant({ data: new Uint8Array(size), shape: [size], dtype: 'bool' });
  return apply(loopOp, [...start, none, ...inputs.slice(carried)], {
    body: new LoopBody(
      [...given.slice(0, carried), finished, ...given.slice(carried)],
      simplify([...kept, now, all]),
    ),
    carried: carried + 1,
    most,
  });
}

/**
 * The first tensor of the state after the turn that is done, or after `most` turns; there is at least one. `turn` may read any tensor from
 * outside; what it computes from those alone is computed once, before the loop (reshapes and broadcasts aside). A loop has no derivative: give one of what it finds
 * (customVjp) and put `stopGradient` around it.
 *
 * @throws if a turn does not give the state back as it got it, `done` is no scalar bool, or `most` is no positive integer.
 */
export function loop(
  start: readonly Tensor[],
  turn: (state: readonly Tensor[]) => LoopTurn,
  most: number,
): Tensor {
  if (!Number.isInteger(most) || most < 1)
    throw new Error(`loop: most is ${most}, expected a positive integer`);
  const state = start.map(({ shape, dtype }) => placeholder(shape, dtype));
  const { state: next, done } = turn(state);
  requireLike(next, start);
  if (done.dtype !== 'bool' || done.rank !== 0) {
    throw new Error(`loop: done is ${done.dtype}${showShape(done.shape)}, expected a scalar bool`);
  }
  const outputs = [...next, done];
  const outside = frontier(outputs, state);
  const inside = outside.map(({ shape, dtype }) => placeholder(shape, dtype));
  const body = simplify(substitute(outputs, new Map(outside.map((node, i) => [node, inside[i]]))));
  return apply(loopOp, [...start, ...outside], {
    body: new LoopBody([...state, ...inside], body),
    carried: start.length,
    most,
  });
}

function requireLike(next: readonly Tensor[], start: readonly Tensor[]): void {
  if (next.length !== start.length || next.length === 0) {
    throw new Error(
      `loop: a turn made ${next.length} tensors of ${start.length}, expected as many, and at least one`,
    );
  }
  next.forEach(({ shape, dtype }, i) => {
    if (sameShape(shape, start[i].shape) && dtype === start[i].dtype) return;
    throw new Error(
      `loop: a turn made ${dtype}${showShape(shape)} of state ${i}, expected ${start[i].dtype}${showShape(start[i].shape)}`,
    );
  });
}

/** The loop behind a node, if it is one. */
export const loopOf = (node: Tensor): LoopAttributes | null =>
  node.op.name === loopOp.name ? (node.attributes as LoopAttributes) : null;

/** The graph with `change` made of the bodies of its loops, and of those inside them. */
export function changeBodies(
  outputs: readonly Tensor[],
  change: (outputs: readonly Tensor[]) => readonly Tensor[],
): Tensor[] {
  const known = new Map<Tensor, Tensor>();
  for (const node of topologicalOrder(outputs)) {
    const inputs = node.inputs.map((x) => known.get(x) as Tensor);
    const found = loopOf(node);
    const attributes = found
      ? { ...found, body: new LoopBody(found.body.inputs, change(found.body.outputs)) }
      : node.attributes;
    const same = !found && inputs.every((x, i) => x === node.inputs[i]);
    known.set(node, same ? node : new Tensor(node.op, inputs, attributes, node));
  }
  return outputs.map((node) => known.get(node) as Tensor);
}
