import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { frame, FrameReader } from '../wire/frames.ts';
import type { RequestHandler } from './request-handler.ts';

export interface TcpListenerOptions {
  readonly maxConnections: number;
  /** After this time without a byte a connection is closed. */
  readonly idleTimeoutMs: number;
}

/** Questions of one connection that wait for other servers; past that, reading stops until some are answered. */
const MOST_WAITING = 64;

/** Answers messages on one TCP port: any number in a connection, each as soon as it is known (RFC 7766). */
export class TcpListener {
  readonly #server: Server;
  readonly #handler: RequestHandler;
  readonly #sockets = new Set<Socket>();

  private constructor(handler: RequestHandler, { maxConnections, idleTimeoutMs }: TcpListenerOptions) {
    this.#handler = handler;
    this.#server = createServer((socket) => this.#serve(socket, idleTimeoutMs));
    this.#server.maxConnections = maxConnections;
  }

  static async open(host: string, port: number, handler: RequestHandler, options: TcpListenerOptions): Promise<TcpListener> {
    const listener = new TcpListener(handler, options);
    listener.#server.listen(port, host);
    await once(listener.#server, 'listening');
    return listener;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections are broken off. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    await closed;
  }

  #serve(socket: Socket, idleTimeoutMs: number): void {
    const reader = new FrameReader();
    const isIpv6 = socket.remoteFamily === 'IPv6';
    let waiting = 0;
    const goOn = (): unknown => waiting < MOST_WAITING && !socket.writableNeedDrain && socket.resume();
    const answer = (response: Buffer): void => {
      // A client that does not read is not read from.
      if (socket.writable && !socket.write(frame(response))) socket.pause();
    };
    const answerLate = (response: Buffer): void => {
      waiting -= 1;
      answer(response);
      goOn();
    };
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined);
    socket.on('drain', goOn);
    socket.setTimeout(idleTimeoutMs, () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      for (const message of reader.push(chunk)) {
        const response = this.#handler.handle(message, { proto: 'tcp', isIpv6 });
        if (response instanceof Promise) {
          if (++waiting >= MOST_WAITING) socket.pause();
          void response.then(answerLate);
        } else if (response) answer(response);
      }
    });
  }
}
