/** Forecasts of cumulative counts: baselines, and networks by name. */
import { autoregression } from './autoregression.ts';
import { fixedForecasts, type ForecastBaseline } from './baselines.ts';
import type { ForecasterFamily } from './forecaster.ts';
import { fullyConnected } from './fullyConnected.ts';
import { neuralOde } from './neuralOde.ts';
import { seq2seq } from './seq2seq.ts';
import { spaceTimeForecasters } from './spaceTime.ts';
import { transformer } from './transformer.ts';

export { autoregression } from './autoregression.ts';
export * from './baselines.ts';
export * from './frame.ts';
export * from './metrics.ts';
export type { Forecaster, ForecasterFamily, ForecastShape } from './forecaster.ts';
export { rungeKutta4 } from './neuralOde.ts';

export const forecastBaselines: readonly ForecastBaseline[] = [...fixedForecasts, autoregression];

export const forecasterFamilies: readonly ForecasterFamily[] = [
  ...spaceTimeForecasters,
  neuralOde,
  seq2seq,
  transformer,
  fullyConnected,
];

export const forecasterNames: readonly string[] = forecasterFamilies.map(({ name }) => name);

/** The family of that name. Throws, listing the names there are. */
export function getForecaster(name: string): ForecasterFamily {
  const found = forecasterFamilies.find((family) => family.name === name);
  if (!found)
    throw new Error(`forecaster '${name}' is unknown; expected one of ${forecasterNames.join(', ')}`);
  return found;
}
