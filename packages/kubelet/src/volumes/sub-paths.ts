import { mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Mounter } from './mounter.ts';
import type { PodDirectories } from './pod-directories.ts';
import { openWithin, type OpenedPath } from './safe-path.ts';

/** A part of a volume, for one mount of a container. */
export interface SubPathRequest {
  readonly podUid: string;
  readonly volume: string;
  /** Of all mounts of the volume in the pod the only one with this name: `web/0`. */
  readonly mount: string;
  readonly root: string;
  readonly subPath: string;
}

/**
 * Gives runtimes a path for a part of a volume that no container can change under their hands: the part is opened with care, and what was opened
 * is mounted in the pod's own directory. Where nothing may be mounted, the path is right at the moment it is given.
 */
export class SubPaths {
  readonly #directories: PodDirectories;
  readonly #mounter: Mounter;

  constructor(directories: PodDirectories, mounter: Mounter) {
    this.#directories = directories;
    this.#mounter = mounter;
  }

  async prepare({ podUid, volume, mount, root, subPath }: SubPathRequest): Promise<string> {
    await using opened = await openWithin(root, subPath);
    if (!this.#mounter.canMount) return opened.path;
    const target = this.#directories.subPath(podUid, volume, mount);
    const points = await this.#mounter.mountPoints();
    if (points.includes(target)) {
      // Of the container before, or of a kubelet before this one.
      if (await isSame(opened, target)) return target;
      await this.#mounter.unmount(target);
    }
    await this.#directories.mark(podUid);
    await makeTarget(target, opened.isDirectory);
    await this.#mounter.mount({ source: opened.handlePath, target, type: 'bind' });
    return target;
  }
}

async function isSame({ handlePath }: OpenedPath, target: string): Promise<boolean> {
  const [wanted, found] = await Promise.all([stat(handlePath), stat(target).catch(() => undefined)]);
  return found?.dev === wanted.dev && found.ino === wanted.ino;
}

async function makeTarget(target: string, isDirectory: boolean): Promise<void> {
  await mkdir(isDirectory ? target : dirname(target), { recursive: true, mode: 0o750 });
  if (!isDirectory) await writeFile(target, '', { flag: 'a', mode: 0o640 });
}
