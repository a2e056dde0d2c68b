/** Long short-term memory (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000). */
import { add, mul, sigmoid, tanh, type Tensor } from '../../tensor/index.ts';
import type { Key } from '../../tensor/random.ts';
import {
  gate,
  gateInputs,
  initRecurrent,
  scanTime,
  type RecurrentOptions,
  type RecurrentParameters,
} from './recurrent.ts';

/** Both `[batch, hidden]`. */
export interface LstmState {
  readonly hidden: Tensor;
  readonly cell: Tensor;
}

export const lstm = {
  /** Gate blocks in PyTorch's order: input, forget, cell, output. */
  init: (key: Key, options: RecurrentOptions): RecurrentParameters => initRecurrent(key, options, 4),

  /** `[batch, inputs]` and a state, null for zeros → the next state. */
  cell(params: RecurrentParameters<Tensor>, state: LstmState | null, x: Tensor): LstmState {
    const size = params.hiddenWeight.shape[0];
    const gates = add(...gateInputs(params, x, state && state.hidden));
    const input = sigmoid(gate(gates, 0, size));
    const forget = sigmoid(gate(gates, 1, size));
    const candidate = tanh(gate(gates, 2, size));
    const output = sigmoid(gate(gates, 3, size));
    const chosen = mul(input, candidate);
    const next = state ? add(mul(forget, state.cell), chosen) : chosen;
    return { hidden: mul(output, tanh(next)), cell: next };
  },

  /** `[batch, time, inputs]` → all hidden states `[batch, time, hidden]` and the last state; starts at zero by default. */
  apply(
    params: RecurrentParameters<Tensor>,
    x: Tensor,
    start: LstmState | null = null,
  ): { outputs: Tensor; state: LstmState } {
    return scanTime(
      'lstm',
      x,
      start,
      (state, moment) => lstm.cell(params, state, moment),
      ({ hidden }) => hidden,
    );
  },
};
