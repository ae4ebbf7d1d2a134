import { open as openFile, type FileHandle } from 'node:fs/promises';

/** In the middle of a rotation one name is free, which says nothing of those after it; a second may be by another rotation. */
const FREE_NAMES_AT_THE_END = 3;

/**
 * Opens the files of a log, the oldest first: those after `known` alone, if it is given. From the newest on: a rotation gives each file the
 * name of an older one, so that none gets past us, and one that we meet twice is known by its inode. What was met between the two times is
 * newer than it, so that the last time counts for the order.
 */
export async function openLogFiles(
  path: string,
  known?: FileHandle,
  open: (path: string) => Promise<FileHandle> = openFile,
): Promise<FileHandle[]> {
  const opened = new Map<number, FileHandle>();
  const knownInode = await known?.stat().then(({ ino }) => ino);
  try {
    for (let age = 0, free = 0; free < FREE_NAMES_AT_THE_END; age += 1) {
      const file = await openIfThere(age === 0 ? path : `${path}.${age}`, open);
      free = file ? 0 : free + 1;
      if (!file) continue;
      const { ino } = await file.stat();
      const again = ino === knownInode ? file : opened.get(ino);
      await again?.close();
      if (ino === knownInode) break;
      opened.delete(ino);
      opened.set(ino, file);
    }
  } catch (error) {
    await closeAll([...opened.values()]);
    throw error;
  }
  return [...opened.values()].toReversed();
}

export async function closeAll(files: readonly FileHandle[]): Promise<void> {
  await Promise.all(files.map((file) => file.close()));
}

async function openIfThere(path: string, open: (path: string) => Promise<FileHandle>): Promise<FileHandle | undefined> {
  try {
    return await open(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return undefined;
    throw error;
  }
}
