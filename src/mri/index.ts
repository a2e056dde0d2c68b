/** Magnetic resonance imaging: the acquisition and reconstructions as traced functions. */
export * from './forwardModel.ts';
export * from './sense.ts';
