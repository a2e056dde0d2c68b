/** What an engine is: it turns a graph into something that runs. */
import type { FloatDType, NDArray } from '../array.ts';
import type { Tensor } from '../tensor.ts';

export interface Graph {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  /**
   * Given for a scan, which runs the graph in turns: so many inputs come first that are carried from turn to turn, and as many
   * outputs, their next values. All other feeds and results have a leading axis that counts the turns.
   */
  readonly carried?: number;
}

export interface Executable {
  /** Runs once, or all turns of a scan. Feeds are in the order of the graph's inputs and are not kept. */
  run(feeds: readonly NDArray[]): Promise<NDArray[]>;
  /** Releases what the engine holds; a later run is an error. */
  dispose(): Promise<void>;
}

export const providers = ['cpu', 'cuda', 'webgpu'] as const;
export type Provider = (typeof providers)[number];

export interface EngineOptions {
  /** Threads inside one op; the number of physical cores by default. */
  readonly threads?: number | undefined;
  /**
   * Where ONNX Runtime computes: 'cpu' (default), 'cuda' or 'webgpu'; without it, what the variable SEXTANT_PROVIDER says. Nodes
   * that a device has no kernel for run on the CPU. float64 is the CPU's alone.
   */
  readonly provider?: Provider | undefined;
  /** File to write the engine's own operator profile to, where it has one (ONNX Runtime). */
  readonly profile?: string | undefined;
}

export interface Engine {
  readonly name: EngineName;
  /** Float dtypes that the engine computes in. */
  readonly dtypes: readonly FloatDType[];
  prepare(graph: Graph, options: EngineOptions): Promise<Executable>;
}

export type EngineName = 'onnx' | 'tfjs' | 'reference';
