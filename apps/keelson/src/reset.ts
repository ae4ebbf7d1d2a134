import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { errorMessage, KeelsonError } from '@keelson/base';
import { lockDirectory } from './up.ts';

/** Removes everything that clusters on this data directory have left: containers, packet rules, data. */
export async function reset({ dataDir }: { readonly dataDir: string }): Promise<void> {
  if (!existsSync(dataDir)) return;
  await using _lock = await lockDirectory(dataDir);
  try {
    await rm(dataDir, { recursive: true, force: true });
  } catch (cause) {
    throw new KeelsonError('ServiceUnavailable', `Cannot remove "${dataDir}": ${errorMessage(cause)}`, { cause });
  }
}
