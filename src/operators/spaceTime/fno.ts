/**
 * Fourier neural operator over space and time (Li et al. 2021, "Fourier Neural Operator for Parametric Partial Differential
 * Equations", arXiv 2010.08895; FNO-2D and FNO-3D of its section 5.3): time is an axis like those of space.
 *
 *   v ← σ(W v + F⁻¹(R · F v)),   σ = ReLU between layers.
 *
 * Kept are the frequencies −m … m − 1 of each space axis and 0 … m − 1 of time, or as many as the axis has: at 7 points of
 * time (and no padding) the modes 0 … 3, at 3 points of space −1, 0, 1. Weights of frequencies that a grid has not do nothing
 * on it. Time is not periodic, so `timePadding` zeros are appended to it and taken off again.
 */
import { z } from 'zod';
import { add } from '../../tensor/index.ts';
import { split } from '../../tensor/random.ts';
import { linear } from '../../nn/index.ts';
import { operator } from '../operator.ts';
import { initSpectral, spectralConvolution } from '../spectral.ts';
import { applyStack, axesOf, initStack, type SpaceAxes } from './stack.ts';

interface Size {
  readonly width: number;
  readonly modes: readonly number[];
}

/** Modes and width of the authors' scripts for two and for three axes. */
const published: Record<SpaceAxes, Size> = {
  1: { width: 32, modes: [12, 12] },
  2: { width: 20, modes: [8, 8, 8] },
};

const spaceTimeFno = (space: SpaceAxes) => {
  const name = `fno-${space + 1}d`;
  return operator(name, {
    title: `Fourier neural operator, ${space}-D space and time`,
    source: 'Li et al. 2021, arXiv 2010.08895',
    axes: axesOf(space),
    options: z.strictObject({
      width: z.int().positive().default(published[space].width),
      /** Modes of each axis, time last. */
      modes: z
        .array(z.int().positive())
        .length(space + 1)
        .default([...published[space].modes]),
      layers: z.int().positive().default(4),
      /** Channels of the input field; coordinates are added to them. */
      inputs: z.int().positive().default(10),
      /** Points of zeros after the last time. */
      timePadding: z.int().min(0).default(6),
    }),
    init: (key, { width, modes, layers, inputs }) =>
      initStack(key, { space, inputs, width, layers }, (layer) => {
        const [spectral, local] = split(layer, 2);
        return {
          spectral: initSpectral(spectral, modes, width, width),
          local: linear.init(local, { inputs: width, outputs: width }),
        };
      }),
    apply: (p, u, { inputs, timePadding }) =>
      applyStack(
        p,
        u,
        {
          name,
          space,
          inputs,
          paddedGrid: (grid) => [...grid.slice(0, -1), grid[grid.length - 1] + timePadding],
        },
        (layer, v) => add(linear.apply(layer.local, v), spectralConvolution(layer.spectral, v)),
      ),
  });
};

export const fno2d = spaceTimeFno(1);
export const fno3d = spaceTimeFno(2);
