/**
 * The auto-regressive fully connected network: one network for all states takes the last days of a state to its next day, which
 * joins the history for the day after. Published with 37.2K parameters; its inner sizes are not, two hidden layers of 171 are ours.
 */
import { z } from 'zod';
import { mlp } from '../nn/index.ts';
import { concat, reshape, sliceAxis, stack, transpose, type Tensor } from '../tensor/index.ts';
import { forecaster } from './forecaster.ts';

export const fullyConnected = forecaster('fc', {
  title: 'auto-regressive fully connected network',
  source: 'baseline of Gupta, Xiao, Balan and Bogdan 2022',
  publishedParameters: 37_200,
  options: z.strictObject({ width: z.int().positive().default(171) }),
  init: (key, { history, quantities }, { width }) =>
    mlp.init(key, { sizes: [history * quantities, width, width, quantities] }),
  apply: (parameters, days, { history, horizon, states, quantities }) => {
    const batch = days.shape[0];
    // [batch, states, history · quantities]: a day's quantities side by side, the oldest day first.
    let seen = reshape(transpose(days, [0, 2, 1, 3]), [batch, states, history * quantities]);
    const forecast: Tensor[] = [];
    for (let day = 0; day < horizon; day++) {
      const next = mlp.apply(parameters, seen);
      forecast.push(next);
      seen = concat([sliceAxis(seen, 2, quantities), next], 2);
    }
    return stack(forecast, 1);
  },
});
