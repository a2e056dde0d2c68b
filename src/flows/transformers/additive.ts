/** y = x + t. */
import { add, squeeze, sub } from '../../tensor/index.ts';
import type { Transformer } from './transformer.ts';

export const additive: Transformer<object> = {
  options: {},
  numbers: () => 1,
  forward: (x, raw) => ({ value: add(x, squeeze(raw, -1)), logDerivative: null }),
  inverse: (y, raw) => ({ value: sub(y, squeeze(raw, -1)), logDerivative: null }),
};
