import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { KeelsonError, type Clock } from '@keelson/base';
import { startProgram } from '@keelson/launcher';

export interface PluginRun {
  readonly file: string;
  readonly args?: readonly string[];
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
 * Runs plugins, each in a process group of its own, since they start other plugins: what takes too long is killed with all of them.
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
  async run({ file, args: own = [], env, input, signal }: PluginRun): Promise<PluginOutcome> {
    signal?.throwIfAborted();
    const [program = '', ...args] =
      this.#nodeNamespace === undefined ? [file, ...own] : ['nsenter', `--net=${this.#nodeNamespace}`, file, ...own];
    const environment = { PATH: process.env['PATH'] ?? '', ...env };
    const running = await startProgram({ file: program, args, env: environment, files: ['in', 'out', 'out'] });
    const { inputs, outputs, ended } = running;
    let isLate = false;
    const stop = (): void => running.killGroup();
    using _timer = this.#clock.after(this.#timeoutMs, () => {
      isLate = true;
      stop();
    });
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted) stop();
    try {
      // It may end without having read everything: its exit code tells.
      inputs[0]?.on('error', () => undefined).end(input);
      const [{ code }, stdout, stderr] = await Promise.all([ended, textOf(outputs[1]), textOf(outputs[2])]);
      signal?.throwIfAborted();
      if (isLate) throw new KeelsonError('Timeout', `"${file}" did not end within ${this.#timeoutMs / 1000}s and was killed`);
      if (code === undefined) throw new KeelsonError('InternalError', `"${file}" was killed`);
      return { code, stdout, stderr };
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }
}

async function textOf(output: Readable | undefined): Promise<string> {
  return output ? text(output) : '';
}
