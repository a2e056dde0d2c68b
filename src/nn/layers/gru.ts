/** Gated recurrent unit (Cho et al. 2014), in the variant that PyTorch and cuDNN compute. */
import { add, mul, sigmoid, sub, tanh, type Tensor } from '../../tensor/index.ts';
import type { Key } from '../../tensor/random.ts';
import {
  gate,
  gateInputs,
  initRecurrent,
  scanTime,
  type RecurrentOptions,
  type RecurrentParameters,
} from './recurrent.ts';

export const gru = {
  /** Gate blocks in PyTorch's order: reset, update, new. */
  init: (key: Key, options: RecurrentOptions): RecurrentParameters => initRecurrent(key, options, 3),

  /** `[batch, inputs]` and the hidden state `[batch, hidden]`, null for zeros → the next hidden state: (1 − z) n + z h. */
  cell(params: RecurrentParameters<Tensor>, hidden: Tensor | null, x: Tensor): Tensor {
    const size = params.hiddenWeight.shape[0];
    const [fromInput, fromHidden] = gateInputs(params, x, hidden);
    const reset = sigmoid(add(gate(fromInput, 0, size), gate(fromHidden, 0, size)));
    const update = sigmoid(add(gate(fromInput, 1, size), gate(fromHidden, 1, size)));
    const candidate = tanh(add(gate(fromInput, 2, size), mul(reset, gate(fromHidden, 2, size))));
    return hidden
      ? add(candidate, mul(update, sub(hidden, candidate)))
      : sub(candidate, mul(update, candidate));
  },

  /** `[batch, time, inputs]` → all hidden states `[batch, time, hidden]` and the last one; starts at zero by default. */
  apply(
    params: RecurrentParameters<Tensor>,
    x: Tensor,
    start: Tensor | null = null,
  ): { outputs: Tensor; state: Tensor } {
    return scanTime(
      'gru',
      x,
      start,
      (hidden, moment) => gru.cell(params, hidden, moment),
      (hidden) => hidden,
    );
  },
};
