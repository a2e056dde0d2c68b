/** Learned reconstructions: networks as parameter trees and traced functions. */
export { calibrationRegion, sensitivityNetwork } from './sensitivityNetwork.ts';
export * from './fastMriWeights.ts';
export * from './network.ts';
export * from './networkReconstruction.ts';
export * from './normUNet.ts';
export * from './reconstructionUNet.ts';
export * from './undersampled.ts';
export * from './uNet.ts';
export * from './varNet.ts';
