/**
 * The Burgers data set: u(·, 0) ↦ u(·, T) for u_t = −u u_x + ν u_xx on the periodic interval [0, 1), from Gaussian random
 * fields. Two recipes go by the name of the published benchmark (Li et al., ICLR 2021):
 *   `paper`   N(0, 625(−Δ + 25)^−2), ν = 0.1, as the article says: smooth and strongly damped;
 *   `script`  N(0, 7⁴(−Δ + 7²)^−2.5), ν = 0.001, as the generator in its repository says: fronts form.
 */
import { z } from 'zod';
import { commonOptions, type LoadContext } from './dataset.ts';
import { gaussianRandomField } from './grf.ts';
import { checkGrid, evolve, initialValue, rolloutOptions } from './initialValue.ts';
import type { OperatorPairs } from './pairs.ts';

/** Field, viscosity, and the solver's points and longest step that resolve them. */
const recipes = {
  paper: { tau: 5, gamma: 2, viscosity: 0.1, points: 256, step: 1 / 256 },
  script: { tau: 7, gamma: 2.5, viscosity: 1e-3, points: 512, step: 1 / 512 },
} as const;

const burgersOptions = z
  .strictObject({
    recipe: z
      .enum(['paper', 'script'])
      .default('paper')
      .describe('paper: ν = 0.1, smooth; script: ν = 0.001, fronts'),
    ...rolloutOptions,
    /** Points of the grid the samples are delivered from; the published file has 8192. */
    fine: z.int().min(64).max(65536).default(1024),
    ...commonOptions,
  })
  .superRefine(checkGrid);
export type BurgersOptions = z.input<typeof burgersOptions>;

export const burgersDataset = initialValue({
  name: 'burgers',
  title: 'Burgers equation, initial condition to solution at t = T',
  version: 2,
  options: burgersOptions,
  domain: () => [0, 1],
  initial: ({ recipe, fine }, key) => gaussianRandomField(key, fine, recipes[recipe]),
  solve: (options, initials, context) => {
    const { viscosity, points, step } = recipes[options.recipe];
    return evolve(
      {
        equation: 'burgers',
        parameters: { viscosity },
        domain: [0, 1],
        points,
        step,
        time: options.time,
        frames: options.frames,
      },
      options,
      initials,
      context,
    );
  },
});

/** Pairs of the Burgers data set at the resolution asked for, from the cache or made now. */
export const burgers = (options: BurgersOptions = {}, context: LoadContext = {}): Promise<OperatorPairs> =>
  burgersDataset.load(options, context);
