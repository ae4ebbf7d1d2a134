import type { Duplex, Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { KeelsonError } from '@keelson/base';
import { readExitStatus } from './exit-status.ts';
import { CHANNEL } from './remote-command.ts';
import { WebSocketChannels } from './websocket-channels.ts';

/** What clients offer for exec and attach, the best first. Only `v5` can tell the process that its input has ended. */
export const REMOTE_PROCESS_PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'] as const;

/** A process in a container, as its client sees it. */
export interface RemoteProcess extends AsyncDisposable {
  /** Ending it ends the process's input, if the server speaks `v5`. */
  readonly stdin: Writable;
  /** Read both outputs, or `resume()` them: once 256 KiB of one wait unread, everything waits. They end with the connection. */
  readonly stdout: Readable;
  /** Stays empty with a tty. */
  readonly stderr: Readable;
  /**
   * The end of the process. Rejects with a `KeelsonError` if it could not be run, or if the connection was lost before it ended; with the
   * signal's reason if that aborted.
   */
  readonly exitCode: Promise<number>;
  /** The size of the terminal, for processes with a tty. */
  resize(columns: number, rows: number): void;
  /** Lets go of the process. The server ends a command whose client is gone. */
  close(): void;
}

export interface RemoteProcessOptions {
  /** After the WebSocket handshake. Owned by the process from now on. */
  readonly socket: Duplex;
  /** The subprotocol that the server chose. */
  readonly protocol: string;
  /** Lets go of the process when it aborts. */
  readonly signal?: AbortSignal;
}

/** The client's side of an exec or attach over WebSocket. */
export function openRemoteProcess({ socket, protocol, signal }: RemoteProcessOptions): RemoteProcess {
  const channels = new WebSocketChannels({
    socket,
    role: 'client',
    encoding: protocol.includes('base64') ? 'base64' : 'binary',
    canHalfClose: protocol.startsWith('v5.'),
  });
  const stdout = channels.channel(CHANNEL.stdout, 'read');
  const stderr = channels.channel(CHANNEL.stderr, 'read');
  const sizes = channels.channel(CHANNEL.resize, 'write');
  const onAbort = (): void => void socket.destroy();
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  const closed = channels.closed.then(() => signal?.removeEventListener('abort', onAbort));
  const exitCode = exitCodeOf(text(channels.channel(CHANNEL.error, 'read')), signal);
  exitCode.catch(() => undefined); // Not everybody asks for it.
  const close = (): void => {
    // Who lets go reads no more: what is left must not keep the connection.
    for (const output of [stdout, stderr]) output.destroy();
    channels.close();
  };
  return {
    stdin: channels.channel(CHANNEL.stdin, 'write'),
    stdout,
    stderr,
    exitCode,
    resize: (columns, rows) => void sizes.write(`${JSON.stringify({ Width: columns, Height: rows })}\n`),
    close,
    [Symbol.asyncDispose]: () => {
      close();
      return closed;
    },
  };
}

/** Out of all that the error stream carries; nothing at all means that it was cut off. */
export async function exitCodeOf(errors: Promise<string>, signal: AbortSignal | undefined): Promise<number> {
  const status = await errors.catch(() => '');
  if (status !== '') return readExitStatus(status);
  signal?.throwIfAborted();
  throw new KeelsonError('ServiceUnavailable', 'The connection to the process was lost before it ended');
}
