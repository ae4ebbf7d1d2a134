import { chmod, lchown, lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Stats } from 'node:fs';
import type { PodSecurityContext } from '@keelson/api/core/v1';

const GROUP_READS = 0o440;
const GROUP_READS_AND_WRITES = 0o660;
const GROUP_ENTERS = 0o110;
const SETGID = 0o2000;

/**
 * Gives a volume to the pod's `fsGroup`: all files and directories belong to the group, which may read and (unless `readOnly`) write them, and
 * what is made later belongs to it too. With `OnRootMismatch` a volume whose root is right is left as it is. Without root nothing is changed.
 */
export async function giveToGroup(
  root: string,
  { fsGroup, fsGroupChangePolicy }: PodSecurityContext,
  { readOnly = false }: { readonly readOnly?: boolean } = {},
): Promise<void> {
  if (fsGroup === undefined || process.getuid?.() !== 0) return;
  const rights = readOnly ? GROUP_READS : GROUP_READS_AND_WRITES;
  if (fsGroupChangePolicy === 'OnRootMismatch' && isGiven(await lstat(root), fsGroup, rights)) return;
  await giveTree(root, fsGroup, rights);
}

function isGiven({ gid, mode }: Stats, fsGroup: number, rights: number): boolean {
  const wanted = rights | GROUP_ENTERS | SETGID;
  return gid === fsGroup && (mode & wanted) === wanted;
}

/** The root last: as long as it is not right, everything is done again. */
async function giveTree(path: string, fsGroup: number, rights: number): Promise<void> {
  const found = await lstat(path);
  if (found.isDirectory()) for (const name of await readdir(path)) await giveTree(join(path, name), fsGroup, rights);
  await lchown(path, found.uid, fsGroup);
  // What a link points to may be anywhere.
  if (found.isSymbolicLink()) return;
  await chmod(path, (found.mode & 0o7777) | rights | (found.isDirectory() ? GROUP_ENTERS | SETGID : 0));
}
