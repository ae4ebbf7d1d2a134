import { PassThrough, pipeline, type Duplex, type Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { isReason, KeelsonError, type Clock, type TaskGroup } from '@keelson/base';
import type { ExecResult, StreamOptions, StreamSession } from '@keelson/runtime';
import type { EngineClient } from './engine/engine-client.ts';
import type { ExecInspect } from './engine/engine-types.ts';
import { demultiplex } from './engine/frames.ts';
import { killExec } from './exec-kill.ts';
import type { Inspector } from './inspector.ts';

export interface ProcessesDependencies {
  readonly engine: EngineClient;
  readonly inspector: Inspector;
  readonly clock: Clock;
  readonly tasks: TaskGroup;
}

const MAX_OUTPUT_BYTES = 1024 * 1024;
const EXIT_POLL_MS = 10;
const EXIT_WAIT_MS = 5000;
/** Docker lets go of a terminal at some keys, and holds back the first of them: something that nobody types. */
const DETACH_KEYS = Array(8).fill('ctrl-@').join(',');

/** Commands run inside containers, and the streams of their main processes. */
export class Processes {
  readonly #deps: ProcessesDependencies;

  constructor(deps: ProcessesDependencies) {
    this.#deps = deps;
  }

  async exec(id: string, command: readonly string[], options: StreamOptions, signal?: AbortSignal): Promise<StreamSession> {
    const { engine } = this.#deps;
    const execId = await this.#createExec(id, command, options, signal);
    const body = { Detach: false, Tty: options.tty };
    const socket = await engine.hijack({ method: 'POST', path: `/exec/${execId}/start`, body, timeoutMs: 120_000, signal });
    return session(socket, options, {
      resize: (columns, rows) => this.#resize(`/exec/${execId}/resize`, columns, rows),
      exitCode: () => this.#execExit(execId),
    });
  }

  async attach(id: string, { stdin }: StreamOptions, signal?: AbortSignal): Promise<StreamSession> {
    const { engine, inspector } = this.#deps;
    const { Config, State } = await inspector.one(id, signal);
    if (!State.Running) throw new KeelsonError('BadRequest', `Container ${id} is not running`);
    const query = { stream: 1, stdin: stdin && Config.OpenStdin ? 1 : 0, stdout: 1, stderr: 1, detachKeys: DETACH_KEYS };
    const socket = await engine.hijack({ method: 'POST', path: `/containers/${id}/attach`, query, signal });
    return session(
      socket,
      { stdin, tty: Config.Tty },
      {
        resize: (columns, rows) => this.#resize(`/containers/${id}/resize`, columns, rows),
        exitCode: () => this.#containerExit(id),
      },
    );
  }

  async execSync(id: string, command: readonly string[], timeoutMs: number, signal?: AbortSignal): Promise<ExecResult> {
    const { clock, engine, tasks } = this.#deps;
    const options = { stdin: false, tty: false };
    const execId = await this.#createExec(id, command, options, signal);
    const body = { Detach: false, Tty: false };
    let isLate = false;
    const late = new AbortController();
    const timer = clock.after(timeoutMs, () => {
      isLate = true;
      late.abort(new Error('timeout'));
    });
    const both = signal ? AbortSignal.any([signal, late.signal]) : late.signal;
    try {
      const socket = await engine.hijack({ method: 'POST', path: `/exec/${execId}/start`, body, timeoutMs: 0, signal: both });
      const stop = () => socket.destroy(new Error('stopped'));
      both.addEventListener('abort', stop, { once: true });
      if (both.aborted) stop();
      const { stdout, stderr } = demultiplex(socket);
      const [out, err] = await Promise.all([head(stdout), head(stderr)]);
      both.throwIfAborted();
      return { exitCode: await this.#execExit(execId), stdout: out, stderr: err };
    } catch (error) {
      if (both.aborted) tasks.run('kill a command', (stopping) => killExec({ engine, clock }, execId, stopping));
      signal?.throwIfAborted();
      if (isLate) throw new KeelsonError('Timeout', `command ${JSON.stringify(command)} timed out after ${timeoutMs / 1000}s`);
      throw error;
    } finally {
      timer[Symbol.dispose]();
    }
  }

  async #createExec(id: string, command: readonly string[], { stdin, tty }: StreamOptions, signal: AbortSignal | undefined) {
    const body = {
      Cmd: command,
      AttachStdin: stdin,
      AttachStdout: true,
      AttachStderr: !tty,
      Tty: tty,
      DetachKeys: DETACH_KEYS,
    };
    try {
      const path = `/containers/${id}/exec`;
      return (await this.#deps.engine.json<{ Id: string }>({ method: 'POST', path, body, signal })).Id;
    } catch (error) {
      if (isReason(error, 'Conflict')) throw new KeelsonError('BadRequest', error.message, { cause: error });
      throw error;
    }
  }

  /** The engine knows a moment later than its stream ends. */
  async #execExit(execId: string): Promise<number> {
    const { clock, engine } = this.#deps;
    const untilMs = clock.monotonic() + EXIT_WAIT_MS;
    for (;;) {
      const { Running, ExitCode } = await engine.json<ExecInspect>({ method: 'GET', path: `/exec/${execId}/json` });
      if (!Running && ExitCode !== null) return ExitCode;
      if (clock.monotonic() > untilMs)
        throw new KeelsonError('ServiceUnavailable', 'The command goes on, and its streams have ended');
      await clock.sleep(EXIT_POLL_MS);
    }
  }

  async #containerExit(id: string): Promise<number> {
    const { clock, inspector } = this.#deps;
    const untilMs = clock.monotonic() + EXIT_WAIT_MS;
    for (;;) {
      const { State } = await inspector.one(id);
      if (!State.Running) return State.ExitCode;
      if (clock.monotonic() > untilMs) throw new KeelsonError('ServiceUnavailable', `The connection to container ${id} broke`);
      await clock.sleep(EXIT_POLL_MS);
    }
  }

  async #resize(path: string, columns: number, rows: number): Promise<void> {
    await this.#deps.engine.json({ method: 'POST', path, query: { w: columns, h: rows } });
  }
}

interface SessionCalls {
  readonly resize: (columns: number, rows: number) => Promise<void>;
  readonly exitCode: () => Promise<number>;
}

function session(socket: Duplex, { stdin, tty }: StreamOptions, calls: SessionCalls): StreamSession {
  socket.on('error', () => undefined); // Shows in the outputs.
  const { stdout, stderr } = tty
    ? { stdout: pipeline(socket, new PassThrough(), () => undefined), stderr: undefined }
    : demultiplex(socket);
  let isClosed = false;
  const exitCode = finished(socket, { writable: false, error: true }).then(() => {
    if (isClosed) throw new KeelsonError('ServiceUnavailable', 'The streams were closed');
    return calls.exitCode();
  });
  exitCode.catch(() => undefined); // Whoever wants to know waits for it.
  return {
    stdin: stdin ? socket : undefined,
    stdout,
    stderr,
    resize: calls.resize,
    exitCode,
    close: () => {
      isClosed = true;
      socket.destroy();
    },
  };
}

/** Reads to the end, and keeps the beginning. */
async function head(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    if (length >= MAX_OUTPUT_BYTES) continue;
    chunks.push(chunk.subarray(0, MAX_OUTPUT_BYTES - length));
    length += chunk.length;
  }
  return Buffer.concat(chunks);
}
