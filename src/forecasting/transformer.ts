/**
 * A transformer (Vaswani et al. 2017, with the norm before each part: Xiong et al. 2020): the days seen, and one learned query for each
 * day ahead, attend to each other; the queries come out as the forecast. A day is the vector of all states and quantities. Published
 * with 52K parameters; one layer of width 64 comes near.
 */
import { z } from 'zod';
import { layerNorm, linear, mlp, multiHeadAttention, normalInitialiser } from '../nn/index.ts';
import {
  add,
  broadcastTo,
  concat,
  constant,
  gelu,
  reshape,
  sliceAxis,
  type Tensor,
} from '../tensor/index.ts';
import { split } from '../tensor/random.ts';
import { forecaster } from './forecaster.ts';

export const transformer = forecaster('transformer', {
  title: 'transformer',
  source: 'Vaswani et al. 2017',
  publishedParameters: 52_000,
  options: z.strictObject({
    width: z.int().positive().default(64),
    heads: z.int().positive().default(4),
    hidden: z.int().positive().default(120),
    layers: z.int().positive().default(1),
  }),
  init: (key, { horizon, states, quantities }, { width, hidden, layers }) => {
    const day = states * quantities;
    const [embed, queries, body, norm, head] = split(key, 5);
    return {
      embed: linear.init(embed, { inputs: day, outputs: width }),
      queries: normalInitialiser(0, 0.02)(queries, [horizon, width]),
      layers: split(body, layers).map((layer) => {
        const [first, attention, second, feedForward] = split(layer, 4);
        return {
          attentionNorm: layerNorm.init(first, { size: width }),
          attention: multiHeadAttention.init(attention, { width }),
          feedForwardNorm: layerNorm.init(second, { size: width }),
          feedForward: mlp.init(feedForward, { sizes: [width, hidden, width] }),
        };
      }),
      norm: layerNorm.init(norm, { size: width }),
      head: linear.init(head, { inputs: width, outputs: day }),
    };
  },
  apply: (p, days, { history, horizon, states, quantities }, { width, heads }) => {
    const batch = days.shape[0];
    const seen = linear.apply(p.embed, reshape(days, [batch, history, states * quantities]));
    const ahead = broadcastTo(reshape(p.queries, [1, horizon, width]), [batch, horizon, width]);
    let v = add(concat([seen, ahead], 1), positions(history + horizon, width));
    for (const layer of p.layers) {
      const attended = multiHeadAttention.apply(layer.attention, layerNorm.apply(layer.attentionNorm, v), {
        heads,
      });
      v = add(v, attended);
      v = add(v, mlp.apply(layer.feedForward, layerNorm.apply(layer.feedForwardNorm, v), gelu));
    }
    const out = linear.apply(p.head, layerNorm.apply(p.norm, sliceAxis(v, 1, history)));
    return reshape(out, [batch, horizon, states, quantities]);
  },
});

/** Sinusoidal encoding of positions [1, length, width] (Vaswani et al. 2017, section 3.5). */
function positions(length: number, width: number): Tensor {
  const values = Float64Array.from({ length: length * width }, (_, i) => {
    const [position, channel] = [Math.floor(i / width), i % width];
    const angle = position / 10_000 ** ((2 * Math.floor(channel / 2)) / width);
    return channel % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
  });
  return constant(values, [1, length, width]);
}
