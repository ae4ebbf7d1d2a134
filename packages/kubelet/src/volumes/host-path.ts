import { mkdir, stat, writeFile } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import { KeelsonError } from '@keelson/base';
import type { HostPathVolumeSource } from '@keelson/api/core/v1';
import { codeOf } from './pod-directories.ts';

const CHECKS: Readonly<Record<string, { readonly noun: string; readonly holds: (found: Stats) => boolean }>> = {
  Directory: { noun: 'a directory', holds: (found) => found.isDirectory() },
  DirectoryOrCreate: { noun: 'a directory', holds: (found) => found.isDirectory() },
  File: { noun: 'a file', holds: (found) => found.isFile() },
  FileOrCreate: { noun: 'a file', holds: (found) => found.isFile() },
  Socket: { noun: 'a socket file', holds: (found) => found.isSocket() },
  CharDevice: { noun: 'a character device', holds: (found) => found.isCharacterDevice() },
  BlockDevice: { noun: 'a block device', holds: (found) => found.isBlockDevice() },
};

/** Checks a host path against its type, and makes it if the type says so. Gives the path. */
export async function prepareHostPath({ path, type = '' }: HostPathVolumeSource): Promise<string> {
  const check = CHECKS[type];
  if (!check) {
    // Anything goes. Runtimes differ in what they do with a path that is not there; most make it.
    await mkdir(path, { recursive: true, mode: 0o755 }).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
    return path;
  }
  const found = await stat(path).catch(() => undefined);
  if (!found && type === 'DirectoryOrCreate') await mkdir(path, { recursive: true, mode: 0o755 });
  else if (!found && type === 'FileOrCreate') await writeFile(path, '', { mode: 0o644, flag: 'a' });
  else if (!found || !check.holds(found)) {
    throw new KeelsonError('BadRequest', `hostPath type check failed: ${path} is not ${check.noun}`);
  }
  return path;
}
