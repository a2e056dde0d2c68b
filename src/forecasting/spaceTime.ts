/**
 * Neural operators as forecasters: states and quantities are the two axes of space, the days ahead are time, and the days seen are
 * channels, the same at every day ahead. The order of the states is that of the alphabet, as in the published array; an operator that
 * looks for neighbours along it finds none that mean anything.
 */
import { z } from 'zod';
import { covidSizes, getSpaceTimeOperator } from '../operators/spaceTime/index.ts';
import type { Operator } from '../operators/index.ts';
import { broadcastTo, expandDims, squeeze, transpose } from '../tensor/index.ts';
import { forecaster, type ForecasterFamily } from './forecaster.ts';

/** Published totals of parameters, all of 50 states and 3 quantities. */
const published = { 'pade-3d': 689_000, 'mwt-3d': 18_000_000, 'fno-3d': 1_060_000, 'lno-3d': 275_000 };

const spaceTimeForecaster = (name: keyof typeof published): ForecasterFamily => {
  const operator = (history: number): Operator =>
    getSpaceTimeOperator(name, { ...covidSizes[name], inputs: history });
  const { title, source } = getSpaceTimeOperator(name);
  return forecaster<z.ZodObject, unknown>(name, {
    title,
    source,
    publishedParameters: published[name],
    options: z.strictObject({}),
    init: (key, { history }) => operator(history).init(key),
    apply: (parameters, days, { history, horizon, states, quantities }) => {
      // [batch, states, quantities, 1, history], the same at every day ahead.
      const seen = expandDims(transpose(days, [0, 2, 3, 1]), 3);
      const u = broadcastTo(seen, [days.shape[0], states, quantities, horizon, history]);
      const ahead = operator(history).apply(parameters, u);
      return transpose(squeeze(ahead, 4), [0, 3, 1, 2]);
    },
  });
};

export const spaceTimeForecasters: readonly ForecasterFamily[] = (
  ['pade-3d', 'mwt-3d', 'fno-3d', 'lno-3d'] as const
).map(spaceTimeForecaster);
