import { chmod, mkdir, readdir, rm, rmdir } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { KeelsonError } from '@keelson/base';

/** For everybody: whose processes will use the volume is not known yet. */
const MODE = 0o777;

/** The directories of volumes: `<root>/<node>/<volume>`. All calls may be repeated. */
export class Directories {
  readonly #root: string;

  constructor(root: string) {
    this.#root = resolve(root);
  }

  /** Resolves to the path of an empty directory, or of the one that is there. */
  async make(nodeName: string, volumeName: string): Promise<string> {
    const path = this.#path(nodeName, volumeName);
    await mkdir(path, { recursive: true });
    // Whatever the umask is.
    await chmod(path, MODE);
    return path;
  }

  /** Deletes a directory with all that is in it, if it is one that was made here. */
  async remove(path: string): Promise<void> {
    const [nodeName = '', volumeName = '', ...rest] = resolve(path)
      .slice(this.#root.length + 1)
      .split(sep);
    if (rest.length > 0 || path !== this.#path(nodeName, volumeName)) {
      throw new KeelsonError('Forbidden', `Cannot delete "${path}": it is not below "${this.#root}"`);
    }
    await rm(path, { recursive: true, force: true });
  }

  /** Removes empty directories that no volume has: of a claim that was deleted while its volume was being made. */
  async sweep(isUsed: (path: string) => boolean): Promise<void> {
    for (const nodeName of await readdir(this.#root).catch(() => [])) {
      for (const volumeName of await readdir(join(this.#root, nodeName)).catch(() => [])) {
        const path = join(this.#root, nodeName, volumeName);
        // Whatever holds data is left to people.
        if (!isUsed(path)) await rmdir(path).catch(() => undefined);
      }
    }
  }

  #path(nodeName: string, volumeName: string): string {
    for (const name of [nodeName, volumeName]) {
      if (name === '' || name === '.' || name === '..' || name.includes(sep)) {
        throw new KeelsonError('Invalid', `Cannot name a directory "${name}"`);
      }
    }
    return join(this.#root, nodeName, volumeName);
  }
}
