/** Normalizing flows: layers, base distributions, models. */
export * from './layer.ts';
export * from './compose.ts';
export { getLayer, layerFamilies } from './registry.ts';
export * from './layers/coupling.ts';
export * from './layers/linear.ts';
export * from './layers/elementwise.ts';
