import { constants } from 'node:fs';
import { chmod, mkdir, open, readlink, realpath, type FileHandle } from 'node:fs/promises';
import { KeelsonError } from '@keelson/base';
import { codeOf } from './pod-directories.ts';

/** Linux' `O_PATH`: a handle on a place, whatever it is, and without looking into it. */
const O_PATH = 0o10000000;
const MAX_LINKS = 40;

/** A place below a volume. It stays the same place whatever is renamed or replaced meanwhile, until it is disposed. */
export interface OpenedPath extends AsyncDisposable {
  /** For the kernel, in this process and its children. */
  readonly handlePath: string;
  /** By name, for those who cannot use the handle. */
  readonly path: string;
  readonly isDirectory: boolean;
}

/**
 * Opens `subPath` below `root`, and makes the directories that are missing, with the mode of `root`. A container may change the volume at the
 * same time: no name is looked up twice and the kernel never follows a link. Links are followed here, name by name, and only within the volume.
 *
 * ```
 * root/a -> ../../etc      a/passwd      refused: it leaves the volume
 * root/b -> c/d            b/file        root, c, d, file
 * ```
 */
export async function openWithin(root: string, subPath: string): Promise<OpenedPath> {
  await using walk = await Walk.from(await realpath(root));
  await walk.follow(subPath);
  return await walk.take();
}

class Walk implements AsyncDisposable {
  readonly #root: string;
  /** Where we are, from the root on. */
  readonly #opened: FileHandle[];
  readonly #mode: number;
  #links = 0;
  #target: FileHandle | undefined;

  private constructor(root: string, handle: FileHandle, mode: number) {
    this.#root = root;
    this.#opened = [handle];
    this.#mode = mode;
  }

  static async from(root: string): Promise<Walk> {
    const handle = await open(root, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    const { mode } = await handle.stat();
    return new Walk(root, handle, mode & 0o7777);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#opened.splice(0).map((handle) => handle.close()));
    await this.#target?.close();
  }

  async follow(path: string): Promise<void> {
    const names = path.split('/').filter((name) => name !== '' && name !== '.');
    for (const [at, name] of names.entries()) {
      if (name === '..') await this.#leave(path);
      else await this.#enter(name, { isLast: at === names.length - 1, path });
    }
  }

  /** What was reached last; the caller's from now on. */
  async take(): Promise<OpenedPath> {
    const handle = this.#target ?? this.#opened.pop();
    this.#target = undefined;
    if (!handle) throw new KeelsonError('InternalError', 'nothing was opened');
    const handlePath = handleName(handle);
    const isDirectory = (await handle.stat()).isDirectory();
    return { handlePath, path: await readlink(handlePath), isDirectory, [Symbol.asyncDispose]: () => handle.close() };
  }

  async #leave(path: string): Promise<void> {
    if (this.#opened.length === 1) throw escapes(path);
    await this.#opened.pop()?.close();
  }

  async #enter(name: string, { isLast, path }: { readonly isLast: boolean; readonly path: string }): Promise<void> {
    if (this.#target) throw new KeelsonError('BadRequest', `"${path}" goes through a file`);
    const place = `${handleName(this.#here())}/${name}`;
    const handle = await this.#openOrMake(place);
    const found = await handle.stat();
    if (found.isSymbolicLink()) {
      await handle.close();
      // It may have been replaced since: what it says is followed with the same care.
      return this.#followLink(await readlink(place), path);
    }
    if (found.isDirectory()) this.#opened.push(handle);
    else {
      this.#target = handle;
      if (!isLast) throw new KeelsonError('BadRequest', `"${path}" goes through a file`);
    }
    return undefined;
  }

  /** An absolute one counts from the machine's root, as it does for the kernel: most of them lead out of the volume. */
  async #followLink(link: string, path: string): Promise<void> {
    this.#links += 1;
    if (this.#links > MAX_LINKS) throw new KeelsonError('BadRequest', `too many symbolic links in "${path}"`);
    if (!link.startsWith('/')) return this.follow(link);
    if (link !== this.#root && !link.startsWith(`${this.#root}/`)) throw escapes(path);
    await Promise.all(this.#opened.splice(1).map((handle) => handle.close()));
    return this.follow(link.slice(this.#root.length));
  }

  async #openOrMake(path: string): Promise<FileHandle> {
    const flags = O_PATH | constants.O_NOFOLLOW;
    try {
      return await open(path, flags);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
    await mkdir(path, { mode: this.#mode }).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
    const made = await open(path, flags);
    // Whatever the umask is.
    if ((await made.stat()).isDirectory()) await chmod(handleName(made), this.#mode);
    return made;
  }

  #here(): FileHandle {
    const last = this.#opened.at(-1);
    if (!last) throw new KeelsonError('InternalError', 'the walk is over');
    return last;
  }
}

/** Of this process by its number: for its children `self` is somebody else. */
function handleName({ fd }: FileHandle): string {
  return `/proc/${process.pid}/fd/${fd}`;
}

function escapes(path: string): KeelsonError {
  return new KeelsonError('BadRequest', `"${path}" leaves the volume through a symbolic link`);
}
