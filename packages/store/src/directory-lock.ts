import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { basename, join } from 'node:path';
import { KeelsonError } from '@keelson/base';

/**
 * Keeps a directory to one opener. The operating system frees it when a process dies, however that comes.
 *
 * On Linux the lock is a socket in the abstract namespace, named after the directory's inode: there is never a stale one. Such names
 * end at the border of a network namespace, so the process that is named in `<what>.pid` is looked for as well. Elsewhere that file
 * is all there is.
 */
export class DirectoryLock implements AsyncDisposable {
  readonly #server: Server | undefined;
  readonly #pidFile: string;

  private constructor(server: Server | undefined, pidFile: string) {
    this.#server = server;
    this.#pidFile = pidFile;
  }

  /** Makes `directory` if it is not there. `ServiceUnavailable` if another opener of the same `what` holds it. */
  static async take(directory: string, what = 'store'): Promise<DirectoryLock> {
    mkdirSync(directory, { recursive: true });
    const pidFile = join(directory, `${what}.pid`);
    const server = process.platform === 'linux' ? await bind(directory, pidFile) : undefined;
    const lock = new DirectoryLock(server, pidFile);
    try {
      const owner = readOwner(pidFile);
      if (owner && owner.pid !== process.pid && startOf(owner.pid) === owner.start) throw held(directory, pidFile);
      writeFileSync(pidFile, `${process.pid} ${startOf(process.pid)}\n`);
      return lock;
    } catch (error) {
      await lock.#unbind();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.#pidFile, { force: true });
    await this.#unbind();
  }

  async #unbind(): Promise<void> {
    const server = this.#server;
    if (server) await new Promise((resolve) => server.close(resolve));
  }
}

async function bind(directory: string, pidFile: string): Promise<Server> {
  const { dev, ino } = statSync(directory);
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'EADDRINUSE' ? held(directory, pidFile) : error),
    );
    server.listen(`\0keelson-${basename(pidFile, '.pid')}:${dev}:${ino}`, resolve);
  });
  // The lock alone does not keep a process alive.
  server.unref();
  return server;
}

function held(directory: string, pidFile: string): KeelsonError {
  const pid = readOwner(pidFile)?.pid;
  const owner = pid === undefined ? 'another process' : `process ${pid}`;
  return new KeelsonError(
    'ServiceUnavailable',
    `Cannot open the ${basename(pidFile, '.pid')} in "${directory}": ${owner} has it open`,
  );
}

function readOwner(pidFile: string): { readonly pid: number; readonly start: string } | undefined {
  const [pid, start] = readIfThere(pidFile).trim().split(' ');
  return pid && start ? { pid: Number(pid), start } : undefined;
}

/** When a process began, in the kernel's words; `gone` if there is no such process, `running` where there is no way to tell. */
function startOf(pid: number): string {
  if (process.platform === 'linux') {
    // The name of the command, in parentheses, may hold anything; the start time is the 20th field behind it.
    const fields = readIfThere(`/proc/${pid}/stat`).split(') ').at(-1)?.split(' ') ?? [];
    // A zombie is dead: its parent has not asked for its exit code yet.
    return fields[0] === 'Z' ? 'gone' : (fields[19] ?? 'gone');
  }
  try {
    process.kill(pid, 0);
    return 'running';
  } catch {
    return 'gone';
  }
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
