/** Stochastic gradient descent with (Nesterov) momentum. */
import { add, mul, sub } from '../../tensor/index.ts';
import { describe, type Optimizer } from './optimizer.ts';

export interface SgdOptions {
  readonly learningRate: number;
  /** Default 0. */
  readonly momentum?: number;
  /** Default false; needs momentum. */
  readonly nesterov?: boolean;
  /** Added to the gradient as weightDecay · θ; default 0. */
  readonly weightDecay?: number;
}

/**
 * b ← μ b + g, θ ← θ − η b; with Nesterov θ ← θ − η (g + μ b). The velocity b holds no learning rate, as in PyTorch's SGD
 * (Sutskever et al. 2013 put it inside).
 */
export function sgd({
  learningRate,
  momentum = 0,
  nesterov = false,
  weightDecay = 0,
}: SgdOptions): Optimizer {
  if (nesterov && momentum === 0) {
    throw new Error('sgd: nesterov needs a momentum above 0; got momentum 0');
  }
  const description = describe(
    'sgd',
    { learningRate, momentum, nesterov, weightDecay },
    { learningRate: [0, Infinity], momentum: [0, 1], weightDecay: [0, Infinity] },
  );
  return {
    description,
    learningRate,
    slots: momentum > 0 ? ['velocity'] : [],
    hyper: (rate) => [rate],
    update({ parameters, gradient, slots: [velocity], hyper: [rate] }) {
      const g = weightDecay > 0 ? add(gradient, mul(weightDecay, parameters)) : gradient;
      if (momentum === 0) return { parameters: sub(parameters, mul(rate, g)), slots: [] };
      const b = add(mul(momentum, velocity), g);
      const direction = nesterov ? add(g, mul(momentum, b)) : b;
      return { parameters: sub(parameters, mul(rate, direction)), slots: [b] };
    },
  };
}
