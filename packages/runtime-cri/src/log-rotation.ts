import { rename, rm, stat } from 'node:fs/promises';
import type { LogLimits } from '@keelson/runtime';

export interface LogKeeping extends LogLimits {
  /** How often logs are looked at. Default 10,000. */
  readonly periodMs?: number;
}

/**
 * Puts a log aside that has grown too long: `0.log` becomes `0.log.1`, what was there before moves up, and the oldest goes. `reopen` makes
 * the runtime write to a new file. Whoever is killed in between leaves files in their order.
 */
export async function rotateLog(
  path: string,
  { maxFileBytes, maxFiles }: LogLimits,
  reopen: () => Promise<void>,
): Promise<boolean> {
  const { size } = (await stat(path).catch(() => undefined)) ?? { size: 0 };
  if (size <= maxFileBytes) return false;
  const names = Array.from({ length: Math.max(1, maxFiles) }, (_, age) => (age === 0 ? path : `${path}.${age}`));
  await rm(names.at(-1) ?? path, { force: true });
  for (let age = names.length - 2; age >= 0; age -= 1) {
    await rename(names[age] ?? '', names[age + 1] ?? '').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }
  await reopen();
  return true;
}
