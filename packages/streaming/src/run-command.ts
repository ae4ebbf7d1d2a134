import type { Readable, Writable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { exitStatus, failureStatus, plainText } from './exit-status.ts';
import { feed } from './feed.ts';
import type { RemoteCommand, RemoteSession } from './remote-session.ts';

/** The client's ends of a command's streams, whatever protocol carries them. */
export interface ClientStreams {
  readonly stdin: Readable | undefined;
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
  readonly resize: Readable | undefined;
  /** Gets the status, and is ended. */
  readonly error: Writable;
  /** Before v4 the error stream carries a text and no exit codes. */
  readonly statusFormat: 'json' | 'text';
  /** Resolves when the connection is over. */
  readonly closed: Promise<void>;
}

/** Runs a command between its session and its client, to the end of either. Never rejects. */
export async function runCommand(streams: ClientStreams, command: RemoteCommand): Promise<void> {
  const status = await runToStatus(streams, command);
  if (status === undefined) return;
  const text = streams.statusFormat === 'json' ? JSON.stringify(status) : plainText(status);
  for (const output of [streams.stdout, streams.stderr]) if (output && !output.writableEnded) output.end();
  streams.error.end(text);
  await finished(streams.error, { readable: false }).catch(() => undefined);
}

/** The status to report, or undefined if nobody is there any more. */
async function runToStatus(streams: ClientStreams, command: RemoteCommand): Promise<ReturnType<typeof exitStatus> | undefined> {
  let session: RemoteSession | undefined;
  try {
    session = await command.open();
    const exitCode = await Promise.race([serve(session, streams), streams.closed]);
    return exitCode === undefined ? undefined : exitStatus(exitCode);
  } catch (error) {
    return failureStatus(error);
  } finally {
    session?.close();
  }
}

async function serve(session: RemoteSession, streams: ClientStreams): Promise<number> {
  feed(streams.stdin, session.stdin);
  followSize(streams.resize, session);
  const outputs = Promise.all([copy(session.stdout, streams.stdout), copy(session.stderr, streams.stderr)]);
  const [exitCode] = await Promise.all([session.exitCode, outputs]);
  return exitCode;
}

async function copy(from: Readable | undefined, to: Writable | undefined): Promise<void> {
  if (!from) return;
  // An output that breaks off shows in the exit code, a client that went away in `closed`.
  if (to) await pipeline(from, to).catch(() => undefined);
  else from.on('error', () => undefined).resume();
}

/** Terminal sizes arrive as JSON objects one after the other, in pieces of any size. */
function followSize(from: Readable | undefined, session: RemoteSession): void {
  let pending = '';
  from?.setEncoding('utf8').on('data', (text: string) => {
    pending += text;
    const objects = pending.split('}');
    pending = (objects.pop() ?? '').slice(0, 1024);
    for (const object of objects) {
      const size = parseSize(`${object}}`);
      // A size that cannot be set any more (the process has ended) is of no use to anyone.
      if (size) session.resize(size.columns, size.rows).catch(() => undefined);
    }
  });
}

function parseSize(text: string): { readonly columns: number; readonly rows: number } | undefined {
  try {
    const { Width, Height } = JSON.parse(text) as { Width?: unknown; Height?: unknown };
    return typeof Width === 'number' && typeof Height === 'number' && Width > 0 && Height > 0
      ? { columns: Width, rows: Height }
      : undefined;
  } catch {
    return undefined;
  }
}
