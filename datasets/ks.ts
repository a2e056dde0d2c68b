/**
 * The Kuramoto–Sivashinsky data set: u(·, 0) ↦ u(·, T) for u_t = −u u_x − u_xx − u_xxxx on the periodic interval [0, L).
 *
 * The published benchmark does not say its domain, its time and its initial conditions; here L is 64 (Brandstetter et al.
 * 2022) or 32π (Kassam & Trefethen 2005), and initial conditions are eight waves of random amplitude and phase. On L = 64 at
 * T = 1 the exact linear propagator errs by 0.27, hardly less than the identity (0.28): the problem is truly nonlinear.
 */
import { z } from 'zod';
import { commonOptions, type LoadContext } from './dataset.ts';
import { randomWaves } from './grf.ts';
import { checkGrid, evolve, initialValue, rolloutOptions } from './initialValue.ts';
import type { OperatorPairs } from './pairs.ts';

export const ksLengths = { '64': 64, '32pi': 32 * Math.PI } as const;

const MODES = 8;
/** A quarter (L = 64) to 0.4 (L = 32π) of a unit length a point: the spectrum has fallen to rounding before the last mode. */
const POINTS = 256;
/** The worst step-doubling difference of 260 samples at T = 1 is 1e-5 (the error itself is about 12 times smaller). */
const STEP = 0.025;

export const ksOptions = z
  .strictObject({
    length: z.enum(['64', '32pi']).default('64').describe('L, the length of the periodic interval'),
    ...rolloutOptions,
    /** Points of the grid the samples are delivered from. */
    fine: z.int().min(POINTS).max(65536).default(1024),
    ...commonOptions,
  })
  .superRefine(checkGrid);
export type KsOptions = z.input<typeof ksOptions>;

export const ksDataset = initialValue({
  name: 'ks',
  title: 'Kuramoto–Sivashinsky, initial condition to solution at t = T',
  version: 2,
  options: ksOptions,
  domain: ({ length }) => [0, ksLengths[length]],
  initial: ({ fine }, key) => randomWaves(key, fine, MODES),
  solve: (options, initials, context) =>
    evolve(
      {
        equation: 'kuramotoSivashinsky',
        domain: [0, ksLengths[options.length]],
        points: POINTS,
        step: STEP,
        time: options.time,
        frames: options.frames,
      },
      options,
      initials,
      context,
    ),
});

/** Pairs of the Kuramoto–Sivashinsky data set at the resolution asked for, from the cache or made now. */
export const ks = (options: KsOptions = {}, context: LoadContext = {}): Promise<OperatorPairs> =>
  ksDataset.load(options, context);
