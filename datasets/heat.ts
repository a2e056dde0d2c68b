/**
 * The heat data set: u(·, 0) ↦ u(·, T) for u_t = α u_xx on the periodic interval [0, 1), from Gaussian random fields. The
 * labels are exact, and so is the linear propagator: what a network errs here is its own.
 */
import { z } from 'zod';
import { commonOptions, type LoadContext } from './dataset.ts';
import { gaussianRandomField } from './grf.ts';
import { checkGrid, evolve, initialValue, rolloutOptions } from './initialValue.ts';
import type { OperatorPairs } from './pairs.ts';

const heatOptions = z
  .strictObject({
    diffusivity: z.number().positive().default(0.01).describe('α'),
    ...rolloutOptions,
    /** Points of the grid the samples are made on. */
    fine: z.int().min(64).max(65536).default(1024),
    ...commonOptions,
  })
  .superRefine(checkGrid);
export type HeatOptions = z.input<typeof heatOptions>;

export const heatDataset = initialValue({
  name: 'heat',
  title: 'Heat equation, initial condition to solution at t = T',
  version: 2,
  options: heatOptions,
  domain: () => [0, 1],
  initial: ({ fine }, key) => gaussianRandomField(key, fine),
  solve: (options, initials, context) => {
    const { diffusivity, fine, time, frames } = options;
    return evolve(
      {
        equation: 'heat',
        parameters: { diffusivity },
        domain: [0, 1],
        points: fine,
        time,
        frames,
        meanFree: true,
      },
      options,
      initials,
      context,
    );
  },
});

/** Pairs of the heat data set at the resolution asked for, from the cache or made now. */
export const heat = (options: HeatOptions = {}, context: LoadContext = {}): Promise<OperatorPairs> =>
  heatDataset.load(options, context);
