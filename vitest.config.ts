import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/setup.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // onnxruntime-node is a native addon: a process per test file, not a thread, keeps its global state apart.
    pool: 'forks',
    maxWorkers: 2,
    coverage: {
      provider: 'v8',
      include: ['src/**', 'solvers/**', 'datasets/**', 'reports/**', 'server/**'],
      thresholds: { 'src/tensor/**': { lines: 90 } },
    },
  },
});
