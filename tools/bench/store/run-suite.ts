import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** Runs one file of tests with variables that make it search longer, and ends with its exit code. */
export function runSuite(file: string, variables: Readonly<Record<string, string>>): never {
  const root = join(import.meta.dirname, '../../..');
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const args = [vitest, 'run', '--root', root, file];
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit', env: { ...process.env, ...variables } });
  process.exit(status ?? 1);
}
