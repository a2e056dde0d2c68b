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
