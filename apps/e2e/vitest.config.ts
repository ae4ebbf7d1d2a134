import { defineConfig } from 'vitest/config';

/** Suites that start whole clusters, from what was built: each in a machine of its own where it needs root. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['src/**/*.test.ts'],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 60_000, interval: 100 } },
    maxWorkers: 2,
    fileParallelism: true,
    maxConcurrency: 12,
  },
});
