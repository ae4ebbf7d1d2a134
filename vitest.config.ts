import { defineConfig } from 'vitest/config';
import { LongestFirst } from './tools/test/longest-first.ts';

/** Packages are tested from their sources: the `keelson-source` condition of their exports maps points there. */
const conditions = ['keelson-source', 'node', 'import', 'default'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['{packages,apps,tools}/*/src/**/*.test.ts', 'tools/*/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**', 'apps/e2e/**'],
    // Limits are for what hangs: what works is slow, too, on a machine that does other things.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000, interval: 20 } },
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
  },
});
