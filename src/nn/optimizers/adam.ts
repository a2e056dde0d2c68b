/** Adam (Kingma & Ba 2015) and AdamW (Loshchilov & Hutter 2019). */
import { add, div, mul, sqrt, square, sub } from '../../tensor/index.ts';
import { describe, type Optimizer } from './optimizer.ts';

export interface AdamOptions {
  readonly learningRate: number;
  /** Decay of the first moment, default 0.9. */
  readonly beta1?: number;
  /** Decay of the second moment, default 0.999. */
  readonly beta2?: number;
  /** Added to √v̂, default 1e-8. */
  readonly epsilon?: number;
  /** Default 0. */
  readonly weightDecay?: number;
}

/** Adam with weight decay as L2 regularisation: weightDecay · θ joins the gradient (torch.optim.Adam). */
export const adam = (options: AdamOptions): Optimizer => build('adam', options);

/** Adam with decoupled weight decay: θ shrinks by η · weightDecay before the step (torch.optim.AdamW). */
export const adamw = (options: AdamOptions): Optimizer => build('adamw', options);

function build(
  name: 'adam' | 'adamw',
  { learningRate, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0 }: AdamOptions,
): Optimizer {
  const description = describe(
    name,
    { learningRate, beta1, beta2, epsilon, weightDecay },
    {
      learningRate: [0, Infinity],
      beta1: [0, 1],
      beta2: [0, 1],
      epsilon: [0, Infinity],
      weightDecay: [0, Infinity],
    },
  );
  const coupled = name === 'adam' && weightDecay > 0;
  const decoupled = name === 'adamw' && weightDecay > 0;
  const scale1 = 1 - beta1;
  const rootScale2 = Math.sqrt(1 - beta2);
  return {
    description,
    learningRate,
    slots: ['firstMoment', 'secondMoment'],
    squares: ['secondMoment'],
    /** Step size and ε for the scaled moments, and the decoupled shrinkage 1 − η λ. */
    hyper(rate, t) {
      const correction2 = Math.sqrt(1 - beta2 ** t) / rootScale2;
      const stepSize = (rate * scale1 * correction2) / (1 - beta1 ** t);
      return [stepSize, epsilon * correction2, ...(decoupled ? [1 - rate * weightDecay] : [])];
    },
    /**
     * The slots hold M = m / (1 − β₁) and V = v / (1 − β₂), and all scalar factors are gathered in two fed numbers (the
     * order of computation at the end of section 2 of the paper). What is left is bound by memory: every pass counts.
     *
     *   η m̂ / (√v̂ + ε) = stepSize · M / (√V + ε')
     */
    update({ parameters, gradient, slots: [m, v], hyper: [stepSize, scaledEpsilon, shrinkage] }) {
      const g = coupled ? add(gradient, mul(weightDecay, parameters)) : gradient;
      const m1 = add(mul(beta1, m), g);
      const v1 = add(mul(beta2, v), square(g));
      const direction = div(m1, add(sqrt(v1), scaledEpsilon));
      const start = decoupled ? mul(parameters, shrinkage) : parameters;
      return { parameters: sub(start, mul(stepSize, direction)), slots: [m1, v1] };
    },
  };
}
