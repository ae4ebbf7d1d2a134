import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { KeelsonError, type Clock } from '@keelson/base';
import type { ExecResult, StreamOptions, StreamSession } from '@keelson/runtime';
import { INIT_PATH } from './config/lxc-config.ts';
import { identityWords, processFile } from './container-files.ts';
import type { Containers } from './containers.ts';
import type { Layout } from './layout.ts';
import { attach } from './shim/attachment.ts';

export interface ProcessesDependencies {
  readonly containers: Containers;
  readonly layout: Layout;
  readonly clock: Clock;
  readonly lxcAttach: string;
  readonly shim: () => string;
}

const MAX_OUTPUT_BYTES = 1024 * 1024;
const KILLED = 137;

/** A command in a container: LXC's `lxc-attach`, which is its parent. */
interface Command {
  readonly child: ChildProcess;
  readonly stdin: Writable | undefined;
  readonly stdout: Readable;
  readonly stderr: Readable | undefined;
  /** With a terminal: where its sizes go. */
  readonly sizes: Writable | undefined;
  readonly exitCode: Promise<number>;
}

/** Commands run inside containers, and the streams of their main processes. */
export class Processes {
  readonly #deps: ProcessesDependencies;

  constructor(deps: ProcessesDependencies) {
    this.#deps = deps;
  }

  async exec(id: string, command: readonly string[], options: StreamOptions): Promise<StreamSession> {
    const { child, stdin, stdout, stderr, sizes, exitCode } = this.#run(id, command, options);
    let isClosed = false;
    const code = exitCode.then((value) => {
      if (isClosed) throw new KeelsonError('ServiceUnavailable', 'The streams were closed');
      return value;
    });
    code.catch(() => undefined); // Whoever wants to know waits for it.
    return {
      stdin,
      stdout,
      stderr,
      resize: async (columns, rows) => void sizes?.write(sizeMessage(columns, rows)),
      exitCode: code,
      close: () => {
        isClosed = true;
        for (const stream of [stdin, stdout, stderr, sizes]) stream?.destroy();
        // A command whose terminal is gone is hung up on; any other may go on.
        if (options.tty) child.kill('SIGKILL');
      },
    };
  }

  async execSync(id: string, command: readonly string[], timeoutMs: number, signal?: AbortSignal): Promise<ExecResult> {
    signal?.throwIfAborted();
    const { child, stdout, stderr, exitCode } = this.#run(id, command, { stdin: false, tty: false });
    const outputs = Promise.all([head(stdout), stderr ? head(stderr) : Buffer.alloc(0)]);
    const stopped = Promise.withResolvers<never>();
    const stop = (error: unknown) => {
      // The command dies with its parent.
      child.kill('SIGKILL');
      stopped.reject(error);
    };
    const late = () =>
      stop(new KeelsonError('Timeout', `command ${JSON.stringify(command)} timed out after ${timeoutMs / 1000}s`));
    const onAbort = () => stop(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    using _timer = this.#deps.clock.after(timeoutMs, late);
    outputs.catch(() => undefined);
    try {
      const code = await Promise.race([exitCode, stopped.promise]);
      // What the command has left running may keep its outputs open.
      const [out, err] = await Promise.race([outputs, stopped.promise]);
      return { exitCode: code, stdout: out, stderr: err };
    } finally {
      signal?.removeEventListener('abort', onAbort);
      for (const stream of [stdout, stderr]) stream?.destroy();
    }
  }

  async attach(id: string, options: StreamOptions): Promise<StreamSession> {
    const { record } = this.#deps.containers.running(id);
    return attach(this.#deps.layout.socket(id), { stdin: options.stdin && record.stdin, tty: record.tty });
  }

  #run(id: string, command: readonly string[], { stdin, tty }: StreamOptions): Command {
    const { containers, layout, lxcAttach, shim } = this.#deps;
    const { record } = containers.running(id);
    // LXC forgets about supplemental groups: with all capabilities left to it, the shim's `init` takes the identity on.
    const enter = [lxcAttach, '-n', id, '-P', layout.rootDir, '--elevated-privileges=CAP', '--clear-env', '--'];
    const whole = [...enter, INIT_PATH, 'init', 'de', tty ? '4' : '3', ...identityWords(record)];
    const [program = '', ...args] = tty ? [shim(), 'terminal', ...whole] : whole;
    const process = 'pipe';
    const stdio: StdioOptions = tty
      ? ['pipe', 'pipe', 'ignore', 'pipe', process]
      : [stdin ? 'pipe' : 'ignore', 'pipe', 'pipe', process];
    const child = spawn(program, args, { cwd: '/', stdio, env: { PATH: globalThis.process.env['PATH'] } });
    const env = tty ? [...record.env, 'TERM=xterm'] : record.env;
    const processPipe = child.stdio[tty ? 4 : 3] as Writable;
    processPipe.on('error', () => undefined); // Shows in the exit code.
    processPipe.end(processFile(record.workingDir, command, env));
    const { stdout } = child;
    if (!stdout) throw new KeelsonError('InternalError', `Cannot run "${program}"`);
    child.stdin?.on('error', () => undefined); // The command does not read any more.
    if (!stdin) child.stdin?.end();
    const sizes = tty ? (child.stdio[3] as Writable) : undefined;
    sizes?.on('error', () => undefined);
    return {
      child,
      stdin: stdin ? (child.stdin ?? undefined) : undefined,
      stdout,
      stderr: tty ? undefined : (child.stderr ?? undefined),
      sizes,
      exitCode: exitOf(child),
    };
  }
}

async function exitOf(child: ChildProcess): Promise<number> {
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  return code ?? (signal ? KILLED : 1);
}

function sizeMessage(columns: number, rows: number): Buffer {
  const message = Buffer.alloc(4);
  message.writeUInt16LE(columns, 0);
  message.writeUInt16LE(rows, 2);
  return message;
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
