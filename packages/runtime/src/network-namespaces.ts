import { execFile } from 'node:child_process';
import { mkdir, readdir, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { KeelsonError } from '@keelson/base';

const run = promisify(execFile);
/** `NSFS_MAGIC`: what a file is on that a namespace is mounted on. */
const NSFS = 0x6e_73_66_73;
const TIMEOUT_MS = 30_000;

/**
 * Network namespaces that live without a process: each is mounted on a file of its name in one directory, as `ip netns` does it in its own.
 * Needs root, and `unshare`, `ip` and `umount` of any Linux. A process that was killed leaves at most a file, which is as good as none.
 */
export class NetworkNamespaces {
  readonly #directory: string;

  /** Every user of it needs a directory of its own. It is made when it is needed. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Makes one with its loopback interface up, unless it is there; gives its path. */
  async create(name: string): Promise<string> {
    const path = this.#path(name);
    await mkdir(this.#directory, { recursive: true, mode: 0o755 });
    if (await isNamespace(path)) return path;
    await writeFile(path, '');
    try {
      await run('unshare', [`--net=${path}`, 'ip', 'link', 'set', 'lo', 'up'], { timeout: TIMEOUT_MS });
    } catch (error) {
      await this.remove(name).catch(() => undefined);
      throw new KeelsonError('InternalError', `Cannot make network namespace "${path}": ${said(error)}`, { cause: error });
    }
    return path;
  }

  /** The path of one that is there. */
  async find(name: string): Promise<string | undefined> {
    const path = this.#path(name);
    return (await isNamespace(path)) ? path : undefined;
  }

  /** Names of all that are there. */
  async list(): Promise<readonly string[]> {
    const names = await readdir(this.#directory).catch(() => []);
    const found = await Promise.all(names.map(async (name) => ((await isNamespace(join(this.#directory, name))) ? [name] : [])));
    return found.flat();
  }

  /** Lets go of it; the kernel removes it, with its interfaces, when the last process in it has ended. Idempotent. */
  async remove(name: string): Promise<void> {
    const path = this.#path(name);
    // Whoever was killed while making it may have mounted it twice.
    while (await isNamespace(path)) await run('umount', ['-l', path], { timeout: TIMEOUT_MS });
    await rm(path, { force: true });
  }

  /** Removes all but these, also files of those that were never finished. */
  async retain(names: ReadonlySet<string>): Promise<void> {
    const there = await readdir(this.#directory).catch(() => []);
    for (const name of there) if (!names.has(name)) await this.remove(name);
  }

  #path(name: string): string {
    if (!/^[\w.-]+$/.test(name) || /^\.+$/.test(name))
      throw new KeelsonError('BadRequest', `not a name for a namespace: "${name}"`);
    return join(this.#directory, name);
  }
}

async function isNamespace(path: string): Promise<boolean> {
  const found = await statfs(path).catch(() => undefined);
  return found?.type === NSFS;
}

function said(error: unknown): string {
  const { stderr } = error as { readonly stderr?: string };
  return stderr?.trim() || String(error);
}
