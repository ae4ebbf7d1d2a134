import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { limitCgroup, removeCgroupTree, type ContainerResources } from '@keelson/runtime';
import { settingsOf } from './config/resources.ts';

const ROOT = '/sys/fs/cgroup';
/** With which one of version 1's hierarchies knows of processes; LXC is in all of them. */
const PROCESSES = 'pids';

/** The kernel's cgroups, of either version, by paths from the root of each hierarchy. */
export class Cgroups {
  readonly #root: string;
  readonly version: 1 | 2;

  constructor(root = ROOT) {
    this.#root = root;
    this.version = existsSync(join(root, 'cgroup.controllers')) ? 2 : 1;
  }

  async set(path: string, resources: ContainerResources): Promise<void> {
    for (const [file, value] of settingsOf(resources, this.version)) await writeFile(this.#file(path, file), value);
  }

  /** Of a pod as a whole: the cgroup is made if it is not there yet. Rejects with `InternalError` if the kernel refuses something. */
  async limit(path: string, resources: ContainerResources): Promise<void> {
    if (this.version === 1) {
      for (const hierarchy of ['cpu', 'memory']) await mkdir(join(this.#root, hierarchy, path), { recursive: true });
    } else await this.#makeVersion2(path);
    await limitCgroup(`/${path}`, resources, this.#root);
  }

  /** Kills everything in a cgroup. */
  async kill(path: string): Promise<void> {
    for (const pid of await this.#processes(path)) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended meanwhile.
      }
    }
  }

  async isEmpty(path: string): Promise<boolean> {
    return (await this.#processes(path)).length === 0;
  }

  /** Removes cgroups, with those in them, from every hierarchy. What still has a process stays. */
  remove(path: string): Promise<void> {
    return removeCgroupTree(path, this.#root);
  }

  async #makeVersion2(path: string): Promise<void> {
    await mkdir(join(this.#root, path), { recursive: true });
    const parts = path.split('/');
    for (let depth = 0; depth < parts.length; depth += 1) {
      const control = join(this.#root, ...parts.slice(0, depth), 'cgroup.subtree_control');
      // Where it has not worked a limit has no file, which is told.
      await writeFile(control, '+cpu +memory +pids').catch(() => undefined);
    }
  }

  async #processes(path: string): Promise<readonly number[]> {
    const file = this.version === 1 ? join(this.#root, PROCESSES, path, 'cgroup.procs') : join(this.#root, path, 'cgroup.procs');
    const text = await readFile(file, 'utf8').catch(() => '');
    return text.split('\n').filter(Boolean).map(Number);
  }

  #file(path: string, file: string): string {
    return this.version === 1 ? join(this.#root, file.split('.')[0] ?? '', path, file) : join(this.#root, path, file);
  }
}
