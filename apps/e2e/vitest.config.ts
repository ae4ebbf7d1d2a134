import { defineConfig } from 'vitest/config';

/** Suites that start whole clusters, from what was built: each in a machine of its own where it needs root. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['src/**/*.test.ts'],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    maxWorkers: 2,
    fileParallelism: true,
    maxConcurrency: 12,
  },
});
