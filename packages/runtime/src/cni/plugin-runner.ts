import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { errorMessage, KeelsonError, type Clock } from '@keelson/base';

export interface PluginRun {
  readonly file: string;
  readonly env: Readonly<Record<string, string>>;
  readonly input: string;
  readonly signal?: AbortSignal | undefined;
}

export interface PluginOutcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface PluginRunnerOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** The network namespace that is the node's, if not that of this process. */
  readonly nodeNamespace?: string | undefined;
}

/**
 * Runs plugins as children of this process, each in a process group of its own, since they start other plugins: what takes too long is
 * killed with all of them.
 */
export class PluginRunner {
  readonly #clock: Clock;
  readonly #timeoutMs: number;

  readonly #nodeNamespace: string | undefined;

  constructor({ clock, timeoutMs, nodeNamespace }: PluginRunnerOptions) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#nodeNamespace = nodeNamespace;
  }

  /** Rejects with `NotFound` if there is no such program, `Timeout` if it was killed for its slowness, and the reason of a signal. */
  async run({ file, env, input, signal }: PluginRun): Promise<PluginOutcome> {
    signal?.throwIfAborted();
    const [program = '', ...args] =
      this.#nodeNamespace === undefined ? [file] : ['nsenter', `--net=${this.#nodeNamespace}`, file];
    const child = spawn(program, args, { env: { PATH: process.env['PATH'] ?? '', ...env }, detached: true });
    let isLate = false;
    const stop = (): void => killGroup(child);
    using _timer = this.#clock.after(this.#timeoutMs, () => {
      isLate = true;
      stop();
    });
    signal?.addEventListener('abort', stop, { once: true });
    try {
      // It may end without having read everything: its exit code tells.
      child.stdin.on('error', () => undefined).end(input);
      const [[code], stdout, stderr] = await Promise.all([
        once(child, 'close') as Promise<[number | null]>,
        text(child.stdout),
        text(child.stderr),
      ]);
      signal?.throwIfAborted();
      if (isLate) throw new KeelsonError('Timeout', `"${file}" did not end within ${this.#timeoutMs / 1000}s and was killed`);
      if (code === null) throw new KeelsonError('InternalError', `"${file}" was killed`);
      return { code, stdout, stderr };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new KeelsonError('NotFound', `there is no program "${file}"`);
      if ((error as NodeJS.ErrnoException).code === 'EACCES') throw new KeelsonError('InternalError', errorMessage(error));
      throw error;
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
