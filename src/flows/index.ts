/** Normalizing flows: layers, base distributions, models. */
export * from './layer.ts';
export * from './compose.ts';
export { conditioned, type ConditionedParameters } from './conditioned.ts';
export * from './flow.ts';
export * from './density.ts';
export { densities, getDensity } from './densities.ts';
export * from './fit.ts';
export {
  samplesOfStandardized,
  standardized,
  standardizedSamples,
  type StandardizedParameters,
} from './standardized.ts';
export { inUnits } from './inUnits.ts';
export {
  calibrate,
  logProb,
  sample,
  samplesOf,
  toData,
  toLatent,
  type Beside,
  type RunOptions,
} from './run.ts';
export { describeFailure, diagnose, largestNumber, type Failure } from './failures.ts';
export { describeData, standardizedSubset, type DataShape, type Degeneracy } from './dimension.ts';
export { traceProbes } from './traceProbes.ts';
export { adviceFor, diagnoseData, warningFor, type Diagnosis } from './diagnosis.ts';
export { baseFamilies, layerFamilies } from './registry.ts';
export type { Base, BaseFamily } from './bases/base.ts';
export * from './bases/independent.ts';
export * from './bases/gaussian.ts';
export * from './layers/coupling.ts';
export * from './layers/linear.ts';
export { affine, leakyRelu, logit, sinhArcsinh, softplus } from './layers/elementwise.ts';
export { actNorm, batchNorm } from './layers/actNorm.ts';
export { planar } from './layers/planar.ts';
export { radial } from './layers/radial.ts';
export * from './layers/autoregressive.ts';
export { residual, type ResidualParameters } from './layers/residual.ts';
export { continuous, velocity } from './layers/continuous.ts';
export { multiscale, squeeze } from './layers/squeeze.ts';
export * from './flowMatching.ts';
export * from './traceSeries.ts';
export { limitNorm, spectralNormBound } from './spectral.ts';
export * from './bounds.ts';
export * from './lipschitz.ts';
export * from './lipschitzConstants.ts';
export { batchJacobian, logAbsDet, plusIdentity } from './jacobian.ts';
export * from './layers/conformal.ts';
export { householderConvolution } from './layers/householderConvolution.ts';
export * from './injective.ts';
export { covarianceOf } from './moments.ts';
export { dequantize, dequantized, inLogits, logitsOf } from './pixels.ts';
export * from './imageModels.ts';
export { principalDirections, type PrincipalDirections } from './principal.ts';
export { getModel, models, type Model, type ModelDomain } from './models.ts';
export { chartModels, vqFlow } from './charts/models.ts';
export { chartFlow, type ChartFlow, type ChartFlowParameters, type Charts } from './charts/chartFlow.ts';
export * from './charts/run.ts';
export { edgeNames, type Cover, type Edges } from './charts/voronoi.ts';
