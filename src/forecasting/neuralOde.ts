/**
 * A latent neural differential equation (Chen, Rubanova, Bettencourt & Duvenaud 2018): the history is encoded as a state z(0), which
 * follows dz/dt = f(z) and is decoded on each day ahead. The classical Runge–Kutta method of order 4 with `steps` steps a day is
 * differentiated as it stands ("discretise, then optimise"). Published with 209K parameters; a state of 64 and 500 hidden units come near.
 */
import { z } from 'zod';
import { linear, mlp } from '../nn/index.ts';
import { add, mul, reshape, stack, tanh, type Tensor } from '../tensor/index.ts';
import { split } from '../tensor/random.ts';
import { forecaster } from './forecaster.ts';

export const neuralOde = forecaster('neural-ode', {
  title: 'neural ordinary differential equation',
  source: 'Chen, Rubanova, Bettencourt and Duvenaud 2018',
  publishedParameters: 209_000,
  options: z.strictObject({
    width: z.int().positive().default(64),
    hidden: z.int().positive().default(500),
    /** Runge–Kutta steps a day. */
    steps: z.int().positive().default(1),
  }),
  init: (key, { history, states, quantities }, { width, hidden }) => {
    const day = states * quantities;
    const [encoder, field, decoder] = split(key, 3);
    return {
      encoder: linear.init(encoder, { inputs: history * day, outputs: width }),
      field: mlp.init(field, { sizes: [width, hidden, width] }),
      decoder: linear.init(decoder, { inputs: width, outputs: day }),
    };
  },
  apply: (p, days, { history, horizon, states, quantities }, { steps }) => {
    const batch = days.shape[0];
    const rate = (state: Tensor): Tensor => mlp.apply(p.field, state, tanh);
    let state = linear.apply(p.encoder, reshape(days, [batch, history * states * quantities]));
    const path: Tensor[] = [];
    for (let day = 0; day < horizon; day++) {
      for (let step = 0; step < steps; step++) state = rungeKutta4(rate, state, 1 / steps);
      path.push(state);
    }
    return reshape(linear.apply(p.decoder, stack(path, 1)), [batch, horizon, states, quantities]);
  },
});

/** One step of length h of the classical Runge–Kutta method of order 4 for dy/dt = f(y). */
export function rungeKutta4(f: (y: Tensor) => Tensor, y: Tensor, h: number): Tensor {
  const k1 = f(y);
  const k2 = f(add(y, mul(h / 2, k1)));
  const k3 = f(add(y, mul(h / 2, k2)));
  const k4 = f(add(y, mul(h, k3)));
  return add(y, mul(h / 6, add(add(k1, k4), mul(2, add(k2, k3)))));
}
