/** Engines are loaded on first use: a command that computes nothing does not wait for native libraries. */
import type { Engine, EngineName } from './engine.ts';

const loaders: Record<EngineName, () => Promise<Engine>> = {
  onnx: async () => (await import('./onnx/engine.ts')).onnxEngine,
  tfjs: async () => (await import('./tfjs.ts')).tfjsEngine,
  reference: async () => (await import('./reference.ts')).referenceEngine,
};

export const engineNames = Object.keys(loaders) as EngineName[];

export function loadEngine(name: EngineName): Promise<Engine> {
  const loader = Object.hasOwn(loaders, name) ? loaders[name] : undefined;
  if (!loader) throw new Error(`engine: '${name}' is unknown; expected one of ${engineNames.join(', ')}`);
  return loader();
}
