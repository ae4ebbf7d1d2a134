import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface ChildOptions {
  readonly args: readonly string[];
  readonly cwd?: string;
  /** The address of the inspector is then in `inspectorUrl`. */
  readonly inspect?: boolean;
  /** Packages are then imported as they are built and published; otherwise as sources. */
  readonly isBuilt?: boolean;
  /** Which line of standard output says that it is ready. */
  readonly ready: RegExp;
}

// A benchmark that is interrupted leaves nothing running.
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130));

const START_MS = 30_000;
const STOP_MS = 15_000;

/** A Node process that runs a script on the sources, until it is disposed. */
export class NodeChild implements AsyncDisposable {
  readonly pid: number;
  /** The line that said that it is ready. */
  readonly readyLine: string;
  readonly inspectorUrl: string | undefined;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, readyLine: string, inspectorUrl: string | undefined) {
    this.#process = process;
    this.pid = process.pid ?? 0;
    this.readyLine = readyLine;
    this.inspectorUrl = inspectorUrl;
  }

  static async start({ args, cwd, inspect = false, isBuilt = false, ready }: ChildOptions): Promise<NodeChild> {
    const flags = [...(isBuilt ? [] : ['--conditions=keelson-source']), ...(inspect ? ['--inspect=127.0.0.1:0'] : [])];
    const child = spawn(process.execPath, [...flags, ...args], {
      ...(cwd !== undefined && { cwd }),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    running.add(child);
    child.once('exit', () => running.delete(child));
    let inspectorUrl: string | undefined;
    const errors: string[] = [];
    createInterface({ input: child.stderr }).on('line', (line) => {
      inspectorUrl ??= /^Debugger listening on (ws:.*)$/.exec(line)?.[1];
      if (errors.push(line) > 20) errors.shift();
    });
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (ready.test(line)) resolve(line);
    });
    child.once('exit', (code) => reject(new Error(`${args.join(' ')} ended with ${code}:\n${errors.join('\n')}`)));
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${args.join(' ')} is not ready after ${START_MS} ms:\n${errors.join('\n')}`));
    }, START_MS);
    try {
      return new NodeChild(child, await promise, inspectorUrl);
    } finally {
      clearTimeout(timer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, 'exit');
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), STOP_MS);
    this.#process.stdin?.end();
    this.#process.kill('SIGTERM');
    await ended;
    clearTimeout(timer);
  }
}
