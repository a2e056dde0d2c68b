/**
 * Sequence to sequence (Sutskever, Vinyals & Le 2014): one LSTM reads the days, another writes the next ones, each fed with the day
 * before. A day is the vector of all states and quantities. Published with 1.84M parameters; 400 hidden units come near.
 */
import { z } from 'zod';
import { linear, lstm } from '../nn/index.ts';
import { reshape, sliceAxis, squeeze, stack, type Tensor } from '../tensor/index.ts';
import { split } from '../tensor/random.ts';
import { forecaster } from './forecaster.ts';

export const seq2seq = forecaster('seq2seq', {
  title: 'sequence to sequence, LSTM',
  source: 'Sutskever, Vinyals and Le 2014',
  publishedParameters: 1_840_000,
  options: z.strictObject({ hidden: z.int().positive().default(400) }),
  init: (key, { states, quantities }, { hidden }) => {
    const inputs = states * quantities;
    const [encoder, decoder, head] = split(key, 3);
    return {
      encoder: lstm.init(encoder, { inputs, hidden }),
      decoder: lstm.init(decoder, { inputs, hidden }),
      head: linear.init(head, { inputs: hidden, outputs: inputs }),
    };
  },
  apply: ({ encoder, decoder, head }, days, { history, horizon, states, quantities }) => {
    const sequence = reshape(days, [days.shape[0], history, states * quantities]);
    let { state } = lstm.apply(encoder, sequence);
    let day = squeeze(sliceAxis(sequence, 1, history - 1), 1);
    const forecast: Tensor[] = [];
    for (let h = 0; h < horizon; h++) {
      state = lstm.cell(decoder, state, day);
      day = linear.apply(head, state.hidden);
      forecast.push(day);
    }
    return reshape(stack(forecast, 1), [days.shape[0], horizon, states, quantities]);
  },
});
