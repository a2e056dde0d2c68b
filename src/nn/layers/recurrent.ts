/** What LSTM and GRU share: parameters with PyTorch's gate blocks, and the scan over time, unrolled. */
import {
  add,
  expandDims,
  matmul,
  showShape,
  sliceAxis,
  squeeze,
  stack,
  type NDArray,
  type Tensor,
} from '../../tensor/index.ts';
import { split, type Key } from '../../tensor/random.ts';
import { fanInUniform } from '../initialisers.ts';

/** Weights of all gates side by side, `gates · hidden` columns, in PyTorch's order: the transposes of its matrices. */
export type RecurrentParameters<Leaf = NDArray> = {
  /** `[inputs, gates · hidden]` */
  readonly inputWeight: Leaf;
  /** `[hidden, gates · hidden]` */
  readonly hiddenWeight: Leaf;
  /** `[gates · hidden]` */
  readonly inputBias: Leaf;
  readonly hiddenBias: Leaf;
};

export interface RecurrentOptions {
  readonly inputs: number;
  readonly hidden: number;
}

/** All uniform on ±1/√hidden, as in PyTorch. */
export function initRecurrent(
  key: Key,
  { inputs, hidden }: RecurrentOptions,
  gates: number,
): RecurrentParameters {
  const draw = fanInUniform(hidden);
  const [a, b, c, d] = split(key, 4);
  return {
    inputWeight: draw(a, [inputs, gates * hidden]),
    hiddenWeight: draw(b, [hidden, gates * hidden]),
    inputBias: draw(c, [gates * hidden]),
    hiddenBias: draw(d, [gates * hidden]),
  };
}

/**
 * What enters the gates from the input and from the hidden state, null for zeros: `[batch, gates · hidden]` each, the second
 * `[1, gates · hidden]` without a hidden state.
 */
export const gateInputs = (
  p: RecurrentParameters<Tensor>,
  x: Tensor,
  hidden: Tensor | null,
): [Tensor, Tensor] => [
  add(matmul(x, p.inputWeight), p.inputBias),
  hidden ? add(matmul(hidden, p.hiddenWeight), p.hiddenBias) : expandDims(p.hiddenBias, 0),
];

/** The k-th block of `hidden` columns. */
export const gate = (x: Tensor, k: number, hidden: number): Tensor =>
  sliceAxis(x, 1, k * hidden, (k + 1) * hidden);

/**
 * Carries a state through time: `step(state, x_t)` for x `[batch, time, inputs]`, and stacks `output(state)` of every step
 * to `[batch, time, hidden]`. No state at the start means zeros.
 */
export function scanTime<State>(
  where: string,
  x: Tensor,
  start: State | null,
  step: (state: State | null, x: Tensor) => State,
  output: (state: State) => Tensor,
): { outputs: Tensor; state: State } {
  if (x.rank !== 3 || x.shape[1] === 0) {
    throw new Error(
      `${where}: the input is ${showShape(x.shape)}, expected [batch, time, inputs] with time ≥ 1`,
    );
  }
  let state = start;
  const states = moments(x).map((moment) => (state = step(state, moment)));
  return { outputs: stack(states.map(output), 1), state: states[states.length - 1] };
}

/**
 * The moments `[batch, inputs]` of `[batch, time, inputs]`, cut by halving: the cotangents then meet in log₂(time) paddings
 * each, not in `time` paddings of the whole sequence.
 */
function moments(x: Tensor): Tensor[] {
  const time = x.shape[1];
  if (time === 1) return [squeeze(x, 1)];
  const half = time >> 1;
  return [...moments(sliceAxis(x, 1, 0, half)), ...moments(sliceAxis(x, 1, half))];
}
