// Sends an API server many more hostile requests than its tests do, and stops at the first seed that it answers with 500, hangs or dies of.
// Usage: node --conditions=keelson-source tools/fuzz/main.ts [--runs N] [--rounds N] [--seed N]
// Each round has a seed of its own, which is printed: `--seed N --rounds 1` does it again.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '20000' },
    rounds: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});

const root = join(import.meta.dirname, '../..');
const vitest = join(root, 'node_modules/.bin/vitest');

for (let round = 0; round < Number(values.rounds); round += 1) {
  const seed = Number(values.seed) + round;
  process.stdout.write(`seed ${seed}\n`);
  const { status } = spawnSync(vitest, ['run', 'packages/api-server/src/http/fuzz.test.ts'], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, KEELSON_FUZZ_RUNS: values.runs, KEELSON_FUZZ_SEED: String(seed) },
  });
  if (status !== 0) process.exit(1);
}
