/** Where and how precisely a function is computed. */
import type { EngineChoice } from '../nn/step.ts';
import type { CompileOptions, FloatDType } from '../tensor/index.ts';

export interface PrecisionChoice extends EngineChoice {
  /** Default float32. */
  readonly dtype?: FloatDType | undefined;
}

/** How a long computation with random numbers is run. */
export interface SeededChoice extends PrecisionChoice {
  /** Default 0. Random vector j is a function of (seed, j) alone: more of them go on where fewer ended. */
  readonly seed?: number | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Without the options that were left out: their defaults are the core's. */
export const compileOptions = ({ engine, threads, dtype }: PrecisionChoice): CompileOptions => ({
  ...(engine !== undefined && { engine }),
  ...(threads !== undefined && { threads }),
  ...(dtype !== undefined && { dtype }),
});
