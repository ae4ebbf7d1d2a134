import { defineConfig } from 'vitest/config';

/** Packages are tested from their sources: the `keelson-source` condition of their exports maps points there. */
const conditions = ['keelson-source', 'node', 'import', 'default'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['{packages,apps,tools}/*/src/**/*.test.ts', 'tools/*/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**', 'apps/e2e/**'],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    maxWorkers: 2,
  },
});
