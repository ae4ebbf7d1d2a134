import { once } from 'node:events';
import { PassThrough, Readable, type Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { KeelsonError } from '@keelson/base';
import type { StreamOptions, StreamSession } from '../container-runtime.ts';
import { isShell, runCommand, runShellLine, type CommandContext } from './simulated-commands.ts';

const PROMPT = '/ # ';

/** Runs a command with streams. A shell without a line of its own takes its lines from its input, and says so on a terminal. */
export function execSession(command: readonly string[], context: CommandContext, options: StreamOptions): StreamSession {
  const streams = openStreams(options);
  const stopping = new AbortController();
  const own = { ...context, signal: stopping.signal };
  const [program = '', ...args] = command;
  const isInteractive = options.stdin && isShell(program) && !args.some((arg) => /^-\w*c/.test(arg));
  const work = isInteractive ? converse(streams, own, options.tty) : answer(command, streams, own);
  const exitCode = work.finally(() => {
    streams.stdout.end();
    streams.stderr?.end();
  });
  return toSession(streams, exitCode, () => stopping.abort(new Error('the session was closed')));
}

/** Follows what a container writes; what is typed goes nowhere. */
export function attachSession(log: Readable, ended: Promise<number>, options: StreamOptions): StreamSession {
  const streams = openStreams(options);
  streams.stdin?.resume();
  log.pipe(streams.stdout);
  log.once('end', () => streams.stderr?.end());
  const isOver = once(log, 'close').then(() => ended);
  return toSession(streams, isOver, () => log.destroy());
}

interface Streams {
  readonly stdin: PassThrough | undefined;
  readonly stdout: PassThrough;
  readonly stderr: PassThrough | undefined;
}

function openStreams({ stdin, tty }: StreamOptions): Streams {
  return {
    stdin: stdin ? new PassThrough() : undefined,
    stdout: new PassThrough(),
    stderr: tty ? undefined : new PassThrough(),
  };
}

function toSession({ stdin, stdout, stderr }: Streams, ended: Promise<number>, stop: () => void): StreamSession {
  const broken = Promise.withResolvers<never>();
  const read = async (): Promise<number> => {
    const code = await ended;
    await Promise.all([stdout, stderr].map(whenRead));
    return code;
  };
  const exitCode = Promise.race([read(), broken.promise]);
  exitCode.catch(() => undefined);
  const close = (): void => {
    stop();
    for (const stream of [stdin, stdout, stderr]) stream?.destroy();
    broken.reject(new KeelsonError('ServiceUnavailable', 'the session was closed'));
  };
  return { stdin, stdout, stderr, resize: async () => undefined, exitCode, close };
}

/** What has nothing to say need not be read. */
async function whenRead(stream: PassThrough | undefined): Promise<void> {
  if (stream && stream.readableLength > 0 && !stream.closed) await once(stream, 'close');
}

async function answer(command: readonly string[], streams: Streams, context: CommandContext): Promise<number> {
  const { stdin } = streams;
  const result = await runCommand(command, { ...context, ...(stdin && { stdin: () => text(stdin) }) });
  stdin?.resume();
  streams.stdout.write(result.stdout);
  (streams.stderr ?? streams.stdout).write(result.stderr);
  return result.exitCode;
}

async function converse({ stdin, stdout, stderr }: Streams, context: CommandContext, tty: boolean): Promise<number> {
  let exitCode = 0;
  if (tty) stdout.write(PROMPT);
  for await (const line of linesOf(stdin ?? Readable.from([]), tty ? stdout : undefined)) {
    const result = await runShellLine(line, context);
    exitCode = result.exitCode;
    stdout.write(tty ? result.stdout.replaceAll('\n', '\r\n') : result.stdout);
    (stderr ?? stdout).write(tty ? result.stderr.replaceAll('\n', '\r\n') : result.stderr);
    if (result.exited) break;
    if (tty) stdout.write(PROMPT);
  }
  stdin?.resume();
  return exitCode;
}

/** A terminal sends what is typed back, and ends lines with a carriage return. */
async function* linesOf(input: Readable, echo: Writable | undefined): AsyncGenerator<string> {
  let open = '';
  for await (const chunk of input) {
    const typed = String(chunk);
    if (typed.includes('\u0004')) return;
    echo?.write(typed.replaceAll('\r', '\r\n'));
    const lines = `${open}${typed}`.split(/\r\n|\r|\n/);
    open = lines.pop() ?? '';
    yield* lines;
  }
  if (open !== '') yield open;
}
