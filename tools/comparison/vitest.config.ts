import { defineConfig } from 'vitest/config';

const conditions = ['keelson-source', 'node', 'import', 'default'];

/** The tests of the operators that are compared; each folder by itself. */
export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: { include: ['operators/*/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000, maxWorkers: 1 },
});
