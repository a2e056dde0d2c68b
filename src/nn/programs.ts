/** Programs that differ only in their batch size: compiled on first use, released together. */
import type { Program } from '../tensor/index.ts';

export interface ProgramsBySize<P> {
  get(batchSize: number): Promise<P>;
  dispose(): Promise<void>;
}

/** A split of n samples needs at most two: for full batches and for the last, shorter one. */
export function programsBySize<P extends Pick<Program<never, never>, 'dispose'>>(
  compileFor: (batchSize: number) => Promise<P>,
): ProgramsBySize<P> {
  const compiled = new Map<number, P>();
  return {
    async get(batchSize) {
      const known = compiled.get(batchSize);
      if (known) return known;
      const program = await compileFor(batchSize);
      compiled.set(batchSize, program);
      return program;
    },
    async dispose() {
      for (const program of compiled.values()) await program.dispose();
      compiled.clear();
    },
  };
}

/**
 * A pause that costs nothing most of the time: programs run synchronously, so timers, signals and sockets live only when
 * the loop is let go, here once in `milliseconds`.
 */
export function breather(milliseconds = 10): () => Promise<void> | undefined {
  let last = performance.now();
  return () => {
    if (performance.now() - last < milliseconds) return undefined;
    return new Promise((resolve) =>
      setImmediate(() => {
        last = performance.now();
        resolve();
      }),
    );
  };
}

/** The longest that a training should be deaf to signals, and the most batches it should hold at once. */
const LONGEST_RUN = 2000;
export const MOST_STEPS = 32;

/** How many steps of so many milliseconds run at once, before the state comes back from the engine. */
export const stepsAtOnce = (milliseconds: number): number =>
  Math.min(MOST_STEPS, Math.max(1, Math.floor(LONGEST_RUN / milliseconds)));

/** Remembers how long steps take: how many of them run at once is asked before a run and told after it. */
export interface Pace {
  steps(): number;
  took(steps: number, milliseconds: number): void;
}

export function pace(): Pace {
  let atOnce = 1;
  return {
    steps: () => atOnce,
    took: (steps, milliseconds) => void (atOnce = stepsAtOnce(milliseconds / steps)),
  };
}
