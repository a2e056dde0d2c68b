/** Magnetic resonance imaging: acquisition and noise on arrays; the forward model and reconstructions as traced functions. */
export * from './calibration.ts';
export * from './coilCompression.ts';
export * from './combine.ts';
export * from './compressedSensing.ts';
export * from './conjugateGradients.ts';
export * from './espirit.ts';
export * from './forwardModel.ts';
export * from './grappa.ts';
export * from './grappaNoise.ts';
export { invertHermitian } from './hermitian.ts';
export * from './masks.ts';
export * from './networks/index.ts';
export * from './noise.ts';
export * from './reconstruction.ts';
export * from './reconstructions.ts';
export * from './sense.ts';
export * from './ssim.ts';
