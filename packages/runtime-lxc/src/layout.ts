import { join } from 'node:path';

/** Where everything of one node's LXC runtime is. What is in `rootDir` outlives the machine's restart; sockets and processes don't. */
export class Layout {
  readonly rootDir: string;
  readonly #socketDir: string;

  constructor(rootDir: string, socketDir: string) {
    this.rootDir = rootDir;
    this.#socketDir = socketDir;
  }

  get sandboxes(): string {
    return join(this.rootDir, 'sandboxes');
  }

  get containers(): string {
    return join(this.rootDir, 'containers');
  }

  /** One file for each process that has ended, written by its shim. */
  get exits(): string {
    return join(this.rootDir, 'exits');
  }

  get images(): string {
    return join(this.rootDir, 'images');
  }

  get programs(): string {
    return join(this.rootDir, 'bin');
  }

  get sockets(): string {
    return this.#socketDir;
  }

  sandbox(id: string, ...names: readonly string[]): string {
    return join(this.sandboxes, id, ...names);
  }

  container(id: string, ...names: readonly string[]): string {
    return join(this.containers, id, ...names);
  }

  exit(id: string): string {
    return join(this.exits, id);
  }

  /** Kept short: a socket's path has at most 107 bytes. */
  socket(id: string): string {
    return join(this.#socketDir, id);
  }
}
