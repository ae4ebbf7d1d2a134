import { errorMessage, isReason, KeelsonError, type Clock } from '@keelson/base';
import { GrpcError } from '@keelson/grpc';
import type { ExecResult, StreamOptions, StreamSession } from '@keelson/runtime';
import type { RemoteProcess } from '@keelson/streaming';
import { ATTACH, EXEC, EXEC_SYNC } from './api/methods.ts';
import type { Containers } from './containers.ts';
import type { CriClient } from './cri-client.ts';
import { openProcess } from './streams.ts';

export interface ProcessesDependencies {
  readonly client: CriClient;
  readonly clock: Clock;
  readonly containers: Containers;
}

const MAX_OUTPUT_BYTES = 1024 * 1024;
/** The runtime ends a command that takes too long by itself, and needs some time for it. */
const EXEC_SLACK_MS = 10_000;
const EXIT_POLL_MS = 20;
const EXIT_WAIT_MS = 5000;

/** Commands run inside containers, and the streams of their main processes. */
export class Processes {
  readonly #deps: ProcessesDependencies;

  constructor(deps: ProcessesDependencies) {
    this.#deps = deps;
  }

  async execSync(id: string, command: readonly string[], timeoutMs: number, signal?: AbortSignal): Promise<ExecResult> {
    await this.#deps.containers.running(id, signal);
    const late = () => new KeelsonError('Timeout', `command ${JSON.stringify(command)} timed out after ${timeoutMs / 1000}s`);
    const request = { id, cmd: command, timeout: Math.ceil(timeoutMs / 1000) };
    try {
      const { exitCode, stdout, stderr } = await this.#deps.client.call(EXEC_SYNC, request, {
        signal,
        timeoutMs: timeoutMs + EXEC_SLACK_MS,
      });
      return { exitCode, stdout: stdout.subarray(0, MAX_OUTPUT_BYTES), stderr: stderr.subarray(0, MAX_OUTPUT_BYTES) };
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof KeelsonError && (isDeadline(error.cause) || /timeout .* exceeded|timed out/.test(error.message)))
        throw late();
      const exitCode = startFailure(error);
      if (exitCode !== undefined) return { exitCode, stdout: Buffer.alloc(0), stderr: Buffer.from(errorMessage(error)) };
      if (isReason(error, 'InternalError')) throw new KeelsonError('BadRequest', error.message, { cause: error });
      throw error;
    }
  }

  async exec(
    id: string,
    command: readonly string[],
    { stdin, tty }: StreamOptions,
    signal?: AbortSignal,
  ): Promise<StreamSession> {
    await this.#deps.containers.running(id, signal);
    const request = { id, cmd: command, tty, stdin, stdout: true, stderr: !tty };
    const { url } = await this.#deps.client.call(EXEC, request, { signal });
    const remote = await openProcess(url, { stdin, tty }, signal);
    return sessionOf(remote, { stdin, tty, exitCode: remote.exitCode });
  }

  async attach(id: string, { stdin: wantsStdin }: StreamOptions, signal?: AbortSignal): Promise<StreamSession> {
    const { record } = await this.#deps.containers.running(id, signal);
    const { tty } = record;
    const stdin = wantsStdin && record.stdin;
    const request = { id, stdin, tty, stdout: true, stderr: !tty };
    const { url } = await this.#deps.client.call(ATTACH, request, { signal });
    const remote = await openProcess(url, { stdin, tty }, signal);
    // The runtime says that the streams have ended, not how the process has.
    const exitCode = remote.exitCode.then(() => this.#containerExit(id));
    exitCode.catch(() => undefined); // Whoever wants to know waits for it.
    return sessionOf(remote, { stdin, tty, exitCode });
  }

  async #containerExit(id: string): Promise<number> {
    const { clock, containers } = this.#deps;
    const untilMs = clock.monotonic() + EXIT_WAIT_MS;
    for (;;) {
      const { status } = await containers.get(id);
      if (status.state === 'exited') return status.exitCode;
      if (clock.monotonic() > untilMs) throw new KeelsonError('ServiceUnavailable', `The connection to container ${id} broke`);
      await clock.sleep(EXIT_POLL_MS);
    }
  }
}

function sessionOf(
  remote: RemoteProcess,
  { stdin, tty, exitCode }: { readonly stdin: boolean; readonly tty: boolean; readonly exitCode: Promise<number> },
): StreamSession {
  return {
    stdin: stdin ? remote.stdin : undefined,
    stdout: remote.stdout,
    stderr: tty ? undefined : remote.stderr,
    resize: async (columns, rows) => remote.resize(columns, rows),
    exitCode,
    close: () => remote.close(),
  };
}

function isDeadline(cause: unknown): boolean {
  return cause instanceof GrpcError && cause.grpcCode === 'DEADLINE_EXCEEDED';
}

/** As a shell would end for a program that is not there (127) or cannot be run (126); `undefined` if it is not that. */
function startFailure(error: unknown): number | undefined {
  if (!isReason(error, 'InternalError') || !/unable to start container process/.test(errorMessage(error))) return undefined;
  return /not found|no such file/.test(errorMessage(error)) ? 127 : 126;
}
