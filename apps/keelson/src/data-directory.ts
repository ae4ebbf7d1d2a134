import { mkdir } from 'node:fs/promises';
import { errorMessage, KeelsonError } from '@keelson/base';
import { DirectoryLock } from '@keelson/store';

/** Two processes on one directory would undo each other's work. */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return await DirectoryLock.take(directory, 'keelson');
  } catch (cause) {
    if (cause instanceof KeelsonError) throw cause;
    throw new KeelsonError('ServiceUnavailable', `Cannot use data directory "${directory}": ${errorMessage(cause)}`, { cause });
  }
}
