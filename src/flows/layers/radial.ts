/**
 * Radial layers: y = x + β h (x − x₀), h = 1 / (α + r), r = ‖x − x₀‖ (Rezende & Mohamed 2015). α > 0 and β > −α keep it a bijection.
 *
 *   log|det| = (d − 1) log(1 + β h) + log(1 + β h − β r h²).
 *
 * The inverse has a closed form: ρ = ‖y − x₀‖ = r (1 + β/(α + r)) is a quadratic r² + (α + β − ρ) r − α ρ = 0 with one root r ≥ 0.
 */
import { z } from 'zod';
import {
  add,
  div,
  exp,
  expandDims,
  log,
  mul,
  neg,
  reciprocal,
  reshape,
  sizeOf,
  softplus,
  sub,
  type Tensor,
} from '../../tensor/index.ts';
import { normalInitialiser, zerosInitialiser } from '../../nn/index.ts';
import { layer } from '../layer.ts';
import { positiveRoot, rowNorm } from '../numerics.ts';
import { flattenSamples } from '../samples.ts';

interface RadialTensors {
  readonly logAlpha: Tensor;
  readonly betaRaw: Tensor;
}

export const radial = layer('radial', {
  title: 'Radial',
  source: 'Rezende & Mohamed 2015',
  options: z.strictObject({}),
  examples: [{ shape: [1] }, { shape: [2] }, { shape: [3] }, { shape: [8] }],
  init: (key, { shape }) => ({
    center: normalInitialiser(0, 0.1)(key, [sizeOf(shape)]),
    logAlpha: zerosInitialiser(key, []),
    betaRaw: zerosInitialiser(key, []),
  }),
  forward(p, x) {
    const { alpha, beta } = constrained(p);
    const offset = sub(flattenSamples(x), p.center);
    const r = rowNorm(offset);
    const stretch = add(1, mul(beta, reciprocal(add(alpha, r))));
    return {
      y: reshape(add(p.center, mul(expandDims(stretch, 1), offset)), x.shape),
      logDet: radialLogDet(r, alpha, beta, offset.shape[1]),
    };
  },
  inverse(p, y) {
    const { alpha, beta } = constrained(p);
    const offset = sub(flattenSamples(y), p.center);
    const rho = rowNorm(offset);
    const r = positiveRoot(sub(rho, add(alpha, beta)), mul(alpha, rho));
    const stretch = add(1, mul(beta, reciprocal(add(alpha, r))));
    return {
      x: reshape(add(p.center, div(offset, expandDims(stretch, 1))), y.shape),
      logDet: neg(radialLogDet(r, alpha, beta, offset.shape[1])),
    };
  },
});

/** α = e^…, β = −α + softplus(…). */
function constrained({ logAlpha, betaRaw }: RadialTensors): { alpha: Tensor; beta: Tensor } {
  const alpha = exp(logAlpha);
  return { alpha, beta: sub(softplus(betaRaw), alpha) };
}

/** (d − 1) log(1 + βh) + log(1 + βh − βr h²); the second is 1 + αβ h², without cancellation. */
function radialLogDet(r: Tensor, alpha: Tensor, beta: Tensor, d: number): Tensor {
  const h = reciprocal(add(alpha, r));
  return add(mul(d - 1, log(add(1, mul(beta, h)))), log(add(1, mul(mul(alpha, beta), mul(h, h)))));
}
