/** Every flow layer, by name: what the generic tests sweep and the command line lists. A new layer is one more line here. */
import type { BaseFamily } from './bases/base.ts';
import { classGaussians, fullNormal, gaussianMixture } from './bases/gaussian.ts';
import { laplace, normal, studentT, uniform } from './bases/independent.ts';
import type { LayerFamily } from './layer.ts';
import { actNorm, batchNorm } from './layers/actNorm.ts';
import {
  additiveAutoregressive,
  affineAutoregressive,
  splineAutoregressive,
} from './layers/autoregressive.ts';
import { continuous } from './layers/continuous.ts';
import { additiveCoupling, affineCoupling, splineCoupling } from './layers/coupling.ts';
import { affine, leakyRelu, logit, sinhArcsinh, softplus } from './layers/elementwise.ts';
import { mobius, scaleShift, specialConformal } from './layers/conformal.ts';
import { householderConvolution } from './layers/householderConvolution.ts';
import { lu, orthogonal, permutation, qr } from './layers/linear.ts';
import { planar } from './layers/planar.ts';
import { radial } from './layers/radial.ts';
import { residual } from './layers/residual.ts';
import { squeeze } from './layers/squeeze.ts';

export const layerFamilies: readonly LayerFamily[] = [
  affine,
  softplus,
  leakyRelu,
  sinhArcsinh,
  logit,
  lu,
  qr,
  orthogonal,
  permutation,
  actNorm,
  batchNorm,
  planar,
  radial,
  additiveCoupling,
  affineCoupling,
  splineCoupling,
  additiveAutoregressive,
  affineAutoregressive,
  splineAutoregressive,
  residual,
  continuous,
  scaleShift,
  mobius,
  specialConformal,
  householderConvolution,
  squeeze,
];

/** Every base distribution. */
export const baseFamilies: readonly BaseFamily[] = [
  normal,
  fullNormal,
  laplace,
  studentT,
  uniform,
  gaussianMixture,
  classGaussians,
];
