import { mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { KeelsonError } from '@keelson/base';
import type { Mounter } from './mounter.ts';
import type { PodDirectories } from './pod-directories.ts';

/** A volume, or a part of one, that a container may not write to at all. */
export interface ReadOnlyTreeRequest {
  readonly podUid: string;
  readonly volume: string;
  /** Of all mounts of the volume in the pod the only one with this name: `web/0`. */
  readonly mount: string;
  readonly path: string;
}

/**
 * Gives runtimes a place where a volume is mounted once more with all that is mounted below it, everything read only. Runtimes keep what is mounted
 * below as it is, so none of them needs to know more. What is mounted there later does not show.
 */
export class ReadOnlyTrees {
  readonly #directories: PodDirectories;
  readonly #mounter: Mounter;

  constructor(directories: PodDirectories, mounter: Mounter) {
    this.#directories = directories;
    this.#mounter = mounter;
  }

  /** Whether it can be done at all. */
  get canMount(): boolean {
    return this.#mounter.canMount;
  }

  async prepare({ podUid, volume, mount, path }: ReadOnlyTreeRequest): Promise<string> {
    const target = this.#directories.readOnlyTree(podUid, volume, mount);
    // Of the container before: below the volume something else may be mounted by now.
    for (const old of (await this.#below(target)).toReversed()) await this.#mounter.unmount(old);
    await this.#directories.mark(podUid);
    await makeTarget(target, (await stat(path)).isDirectory());
    await this.#mounter.mount({ source: path, target, type: 'rbind' });
    for (const point of await this.#below(target)) await this.#mounter.makeReadOnly(point);
    if ((await this.#below(target)).length > 0) return target;
    throw new KeelsonError('ServiceUnavailable', `cannot mount ${path} on ${target}: it is not there`);
  }

  /** Outer ones first. */
  async #below(target: string): Promise<readonly string[]> {
    return (await this.#mounter.mountPoints()).filter((point) => point === target || point.startsWith(`${target}/`));
  }
}

async function makeTarget(target: string, isDirectory: boolean): Promise<void> {
  await mkdir(isDirectory ? target : dirname(target), { recursive: true, mode: 0o750 });
  if (!isDirectory) await writeFile(target, '', { flag: 'a', mode: 0o640 });
}
