// Kills a process that writes to a store, again and again, and checks after each time that nothing acknowledged is lost.
// Usage: node tools/bench/store/crash.ts [rounds]
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../../..');
const rounds = process.argv[2] ?? '200';
const vitest = join(root, 'node_modules/vitest/vitest.mjs');
const args = [vitest, 'run', '--root', root, 'packages/store/src/lmdb-store.crash.test.ts'];
const { status } = spawnSync(process.execPath, args, { stdio: 'inherit', env: { ...process.env, KEELSON_CRASH_ROUNDS: rounds } });
process.exit(status ?? 1);
