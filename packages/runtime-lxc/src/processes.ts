import type { Readable, Writable } from 'node:stream';
import { KeelsonError, type Clock } from '@keelson/base';
import { startProgram, type ProgramFile, type StartedProgram } from '@keelson/launcher';
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
const SIGNALLED = 128;

/** A command in a container: LXC's `lxc-attach`, which is its parent. */
interface Command {
  readonly program: StartedProgram;
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
    const { program, stdin, stdout, stderr, sizes, exitCode } = await this.#run(id, command, options);
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
        if (options.tty) program.kill('SIGKILL');
      },
    };
  }

  async execSync(id: string, command: readonly string[], timeoutMs: number, signal?: AbortSignal): Promise<ExecResult> {
    signal?.throwIfAborted();
    const { program, stdout, stderr, exitCode } = await this.#run(id, command, { stdin: false, tty: false });
    const outputs = Promise.all([head(stdout), stderr ? head(stderr) : Buffer.alloc(0)]);
    const stopped = Promise.withResolvers<never>();
    const stop = (error: unknown) => {
      // The command dies with its parent.
      program.kill('SIGKILL');
      stopped.reject(error);
    };
    const late = () =>
      stop(new KeelsonError('Timeout', `command ${JSON.stringify(command)} timed out after ${timeoutMs / 1000}s`));
    const onAbort = () => stop(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
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

  async #run(id: string, command: readonly string[], { stdin, tty }: StreamOptions): Promise<Command> {
    const { containers, layout, lxcAttach, shim } = this.#deps;
    const { record } = containers.running(id);
    // LXC forgets about supplemental groups: with all capabilities left to it, the shim's `init` takes the identity on.
    const enter = [lxcAttach, '-n', id, '-P', layout.rootDir, '--elevated-privileges=CAP', '--clear-env', '--'];
    const whole = [...enter, INIT_PATH, 'init', 'de', tty ? '4' : '3', ...identityWords(record)];
    const [file = '', ...args] = tty ? [shim(), 'terminal', ...whole] : whole;
    // The last one is what the process is to be; a terminal has its sizes before it.
    const files: readonly ProgramFile[] = tty ? ['in', 'out', 'none', 'in', 'in'] : [stdin ? 'in' : 'none', 'out', 'out', 'in'];
    const program = await startProgram({ file, args, files });
    const { inputs, outputs } = program;
    for (const input of Object.values(inputs)) input.on('error', () => undefined); // Nobody reads any more: the exit code tells.
    const env = tty ? [...record.env, 'TERM=xterm'] : record.env;
    inputs[files.length - 1]?.end(processFile(record.workingDir, command, env));
    if (!stdin) inputs[0]?.end();
    const { 1: stdout, 2: stderr } = outputs;
    if (!stdout) throw new KeelsonError('InternalError', `Cannot run "${file}"`);
    const sizes = tty ? inputs[3] : undefined;
    return { program, stdin: stdin ? inputs[0] : undefined, stdout, stderr, sizes, exitCode: exitOf(program) };
  }
}

async function exitOf({ ended }: StartedProgram): Promise<number> {
  const { code, signal = 0 } = await ended;
  return code ?? SIGNALLED + signal;
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
