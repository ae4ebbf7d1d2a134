import { Duplex, type Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { KeelsonError } from '@keelson/base';
import type { Done } from './feed.ts';
import { PORT_FORWARD_TUNNEL } from './port-forward.ts';
import { SpdyConnection } from './spdy/spdy-connection.ts';
import { WebSocketChannels } from './websocket-channels.ts';
import { WebSocketStream } from './websocket/websocket-stream.ts';

/** What clients offer for port-forward, the best first: many connections in one WebSocket, or one. */
export const PORT_FORWARD_PROTOCOLS = [PORT_FORWARD_TUNNEL, 'v4.channel.k8s.io'] as const;

const PORT_BYTES = 2;

/** A WebSocket through which connections go to ports of a pod. */
export interface PortForwardSession extends AsyncDisposable {
  /** False if this session is good for one connection only. */
  readonly isShared: boolean;
  /** Resolves when the session is over; never rejects. */
  readonly closed: Promise<void>;
  /** A connection to the port. It is destroyed with a `KeelsonError` if the pod's end says that something went wrong. */
  connect(port: number): Duplex;
  close(): void;
}

/** The client's side of a port-forward over WebSocket; the handshake is done. The socket is the session's own from now on. */
export function openPortForward({
  socket,
  protocol,
}: {
  readonly socket: Duplex;
  readonly protocol: string;
}): PortForwardSession {
  if (protocol !== PORT_FORWARD_TUNNEL) return openChannels(socket);
  return openSpdyPortForward({ socket: new WebSocketStream({ socket, role: 'client' }) });
}

/** The client's side of a port-forward over SPDY; the handshake is done. The socket is the session's own from now on. */
export function openSpdyPortForward({ socket }: { readonly socket: Duplex }): PortForwardSession {
  const connection = new SpdyConnection({ socket, role: 'client' });
  let count = 0;
  const connect = (number: number): Duplex => {
    const port = String(number);
    const requestID = String(count++);
    const error = connection.open({ streamType: 'error', port, requestID });
    error.end();
    return new ForwardedConnection({ data: connection.open({ streamType: 'data', port, requestID }), error });
  };
  return sessionOf({ isShared: true, closed: connection.closed, connect, close: () => connection.close() });
}

function openChannels(socket: Duplex): PortForwardSession {
  const channels = new WebSocketChannels({ socket, role: 'client', encoding: 'binary', canHalfClose: false });
  // Each channel starts with its port's number, which is known anyway.
  const data = channels.channel(0, 'both', PORT_BYTES);
  const error = channels.channel(1, 'read', PORT_BYTES);
  data.once('close', () => channels.close());
  return sessionOf({
    isShared: false,
    closed: channels.closed,
    connect: () => new ForwardedConnection({ data, error }),
    close: () => channels.close(),
  });
}

function sessionOf(session: Omit<PortForwardSession, typeof Symbol.asyncDispose>): PortForwardSession {
  return {
    ...session,
    [Symbol.asyncDispose]: () => {
      session.close();
      return session.closed;
    },
  };
}

/** The data as one stream, which fails with what the error stream says. */
class ForwardedConnection extends Duplex {
  readonly #data: Duplex;
  readonly #error: Readable;
  readonly #failure: Promise<string>;

  constructor({ data, error }: { readonly data: Duplex; readonly error: Readable }) {
    super();
    this.#data = data;
    this.#error = error;
    this.#failure = text(error).catch(() => '');
    data.on('data', (chunk: Buffer) => void (this.push(chunk) || data.pause()));
    data.once('end', () => void this.#end(() => this.push(null)));
    data.once('close', () => data.readableEnded || void this.#end(() => this.destroy(connectionLost())));
  }

  async #end(withoutFailure: () => void): Promise<void> {
    const message = await this.#failure;
    if (message === '') withoutFailure();
    else this.destroy(new KeelsonError('ServiceUnavailable', message));
  }

  override _read(): void {
    this.#data.resume();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: Done): void {
    this.#data.write(chunk, encoding, done);
  }

  override _final(done: Done): void {
    // Ended from the other side meanwhile: there is nobody to tell.
    if (this.#data.destroyed) done();
    else this.#data.end(() => done());
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#data.destroy();
    this.#error.destroy();
    done(error);
  }
}

function connectionLost(): KeelsonError {
  return new KeelsonError('ServiceUnavailable', 'The connection to the pod was lost');
}
