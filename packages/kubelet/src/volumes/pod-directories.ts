import { createHash } from 'node:crypto';
import { lstat, mkdir, readdir, readlink, rm, rmdir, symlink, unlink, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { KeelsonError } from '@keelson/base';
import type { Mounter } from './mounter.ts';

/** In a pod's directory: something may be mounted below it. To read the table of all mounts for each pod would take long. */
const MARK = 'mounted';
const SUB_PATHS = 'volume-subpaths';
const READ_ONLY_TREES = 'volume-read-only';
/** In the directory in memory: whose it is. */
const OWNER = 'owner';

/**
 * Where the files of pods are: `<rootDir>/pods/<uid>/...`, and those that must not be on a disk in a directory in memory that belongs to
 * `rootDir`. What is removed is only what nothing is mounted on, so that nobody's data go with a pod.
 */
export class PodDirectories {
  readonly #rootDir: string;
  readonly #mounter: Mounter;
  /** Of all kubelets of this user, in memory. */
  readonly #shared: string | undefined;
  #memory: string | undefined;

  constructor(rootDir: string, mounter: Mounter) {
    this.#rootDir = resolve(rootDir);
    this.#mounter = mounter;
    this.#shared = mounter.memoryRoot && join(mounter.memoryRoot, `keelson-${process.getuid?.() ?? 0}`);
  }

  of(uid: string): string {
    return join(this.#rootDir, 'pods', uid);
  }

  volume(uid: string, type: string, name: string): string {
    return join(this.of(uid), 'volumes', `kubernetes.io~${type}`, name);
  }

  /** As `volume`, in memory if there is such a place. */
  async secretVolume(uid: string, type: string, name: string): Promise<string> {
    const memory = await this.#inMemory();
    return memory === undefined
      ? this.volume(uid, type, name)
      : join(memory, 'pods', uid, 'volumes', `kubernetes.io~${type}`, name);
  }

  subPath(uid: string, volume: string, mount: string): string {
    return join(this.of(uid), SUB_PATHS, volume, mount);
  }

  readOnlyTree(uid: string, volume: string, mount: string): string {
    return join(this.of(uid), READ_ONLY_TREES, volume, mount);
  }

  /** To be called before anything is mounted below the pod's directory. */
  async mark(uid: string): Promise<void> {
    await mkdir(this.of(uid), { recursive: true });
    await writeFile(join(this.of(uid), MARK), '', { flag: 'a' });
  }

  /** Uids of all pods that have a directory. */
  async uids(): Promise<readonly string[]> {
    const memory = await this.#inMemory();
    const roots = [this.#rootDir, ...(memory === undefined ? [] : [memory])];
    const found = await Promise.all(roots.map((root) => readdir(join(root, 'pods')).catch(() => [])));
    return [...new Set(found.flat())];
  }

  async remove(uid: string): Promise<void> {
    if (uid === '' || uid.includes('/') || uid.startsWith('.')) throw new KeelsonError('Invalid', `no uid of a pod: "${uid}"`);
    const directory = this.of(uid);
    const memory = await this.#inMemory();
    if (memory !== undefined) await rm(join(memory, 'pods', uid), { recursive: true, force: true });
    if (await exists(join(directory, MARK))) await this.#unmountAll(directory);
    await rm(directory, { recursive: true, force: true });
  }

  /** Removes what all pods have left, for good. */
  async removeAll(): Promise<void> {
    for (const uid of await this.uids()) await this.remove(uid);
    const memory = await this.#inMemory();
    this.#memory = undefined;
    if (memory !== undefined) await rm(memory, { recursive: true, force: true });
  }

  /** Removes what kubelets have left in memory whose directories do not exist any more. */
  async sweepMemory(): Promise<void> {
    const memory = await this.#inMemory();
    if (memory === undefined) return;
    const all = dirname(memory);
    for (const name of await readdir(all).catch(() => [])) {
      const owner = await readlink(join(all, name, OWNER)).catch(() => undefined);
      const isOver = owner !== undefined && (await isGone(owner));
      if (isOver) await rm(join(all, name), { recursive: true, force: true });
    }
  }

  /** Where everybody may write, somebody else may have made the directory first, to read what is put there: then there is none. */
  async #inMemory(): Promise<string | undefined> {
    if (this.#memory !== undefined || this.#shared === undefined) return this.#memory;
    await mkdir(this.#shared, { mode: 0o700 }).catch(ignoring('EEXIST'));
    const found = await lstat(this.#shared);
    if (!found.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o077) !== 0) return undefined;
    const memory = join(this.#shared, nameOf(this.#rootDir));
    await mkdir(memory, { mode: 0o700 }).catch(ignoring('EEXIST'));
    await symlink(this.#rootDir, join(memory, OWNER)).catch(ignoring('EEXIST'));
    return (this.#memory = memory);
  }

  async #unmountAll(directory: string): Promise<void> {
    for (const path of await this.#mountsBelow(directory)) await this.#mounter.unmount(path);
    const [left] = await this.#mountsBelow(directory);
    if (left !== undefined) throw new KeelsonError('Conflict', `Cannot remove "${directory}": "${left}" is still mounted`);
    // Were something mounted there after all, its files would not be deleted.
    for (const name of [READ_ONLY_TREES, SUB_PATHS]) await removeTargets(join(directory, name), 3);
    await removeTargets(join(directory, 'volumes', 'kubernetes.io~nfs'), 1);
    await rm(join(directory, MARK), { force: true });
  }

  /** Inner ones first. */
  async #mountsBelow(directory: string): Promise<readonly string[]> {
    const all = await this.#mounter.mountPoints();
    return all.filter((path) => path.startsWith(`${directory}/`)).toReversed();
  }
}

/** What something was mounted on, so many levels below: an empty directory or an empty file. Never what is in it. */
async function removeTargets(path: string, levels: number): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (!found) return;
  if (found.isDirectory()) {
    if (levels > 0) for (const name of await readdir(path)) await removeTargets(join(path, name), levels - 1);
    await rmdir(path);
  } else if (found.size === 0) await unlink(path);
  else throw new KeelsonError('Conflict', `Cannot remove "${path}": it is not empty`);
}

/** Another one for each kubelet of the machine. */
function nameOf(rootDir: string): string {
  return createHash('sha256').update(rootDir).digest('hex').slice(0, 16);
}

export async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}

/** True only if it is certain: a directory that cannot be looked at may be there. */
async function isGone(path: string): Promise<boolean> {
  return lstat(path).then(
    () => false,
    (error: unknown) => codeOf(error) === 'ENOENT',
  );
}

function ignoring(code: string): (error: unknown) => void {
  return (error) => {
    if (codeOf(error) !== code) throw error;
  };
}

/** What the kernel says: `ENOENT`. */
export function codeOf(error: unknown): unknown {
  return (error as { readonly code?: unknown } | undefined)?.code;
}
