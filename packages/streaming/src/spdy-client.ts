import { PassThrough, type Duplex } from 'node:stream';
import { STREAM_PROTOCOL_HEADER } from './handshake.ts';
import { exitCodeOf, type RemoteProcess } from './remote-process.ts';
import { SpdyConnection } from './spdy/spdy-connection.ts';

/** What clients ask for over SPDY, in the header `X-Stream-Protocol-Version`. */
export const SPDY_PROTOCOLS = { remoteProcess: 'v4.channel.k8s.io', portForward: 'portforward.k8s.io' } as const;

/** The headers of a request whose connection is to become SPDY. */
export function spdyRequestHeaders(protocol: string): Readonly<Record<string, string>> {
  return { Connection: 'Upgrade', Upgrade: 'SPDY/3.1', [STREAM_PROTOCOL_HEADER]: protocol };
}

export interface SpdyProcessOptions {
  /** After the handshake. Owned by the process from now on. */
  readonly socket: Duplex;
  /** As in the request: the server waits for just these streams. */
  readonly stdin: boolean;
  readonly tty: boolean;
  /** Lets go of the process when it aborts. */
  readonly signal?: AbortSignal;
}

/** The client's side of an exec or attach over SPDY, with both outputs. The end of the input reaches the process. */
export function openSpdyProcess({ socket, stdin: hasStdin, tty, signal }: SpdyProcessOptions): RemoteProcess {
  const connection = new SpdyConnection({ socket, role: 'client' });
  const open = (streamType: string) => connection.open({ streamType });
  const error = open('error');
  error.end();
  const stdin = hasStdin ? open('stdin') : new PassThrough().resume();
  const stdout = open('stdout');
  const stderr = tty ? new PassThrough().end() : open('stderr');
  const sizes = tty ? open('resize') : undefined;
  for (const output of [stdout, stderr]) output.end();
  const onAbort = (): void => void socket.destroy();
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  const closed = connection.closed.then(() => signal?.removeEventListener('abort', onAbort));
  const exitCode = exitCodeOf(textOf(error), signal);
  exitCode.catch(() => undefined); // Not everybody asks for it.
  // The server says how it ended, and leaves the connection to us.
  const goodbye = async () => {
    await exitCode.catch(() => undefined);
    await Promise.all([stdout, stderr].map(ended));
    connection.close();
  };
  void goodbye();
  const close = (): void => {
    for (const output of [stdout, stderr]) output.destroy();
    connection.close();
  };
  return {
    stdin,
    stdout,
    stderr,
    exitCode,
    resize: (columns, rows) => void sizes?.write(`${JSON.stringify({ Width: columns, Height: rows })}\n`),
    close,
    [Symbol.asyncDispose]: () => {
      close();
      return closed;
    },
  };
}

/** Container runtimes reset the stream once they have written to it: what has come counts, whichever way it ends. */
function textOf(stream: Duplex): Promise<string> {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve) => void stream.once('close', () => resolve(Buffer.concat(chunks).toString())));
}

function ended(stream: Duplex): Promise<void> {
  if (stream.readableEnded || stream.destroyed) return Promise.resolve();
  return new Promise((resolve) => void stream.once('end', resolve).once('close', resolve));
}
