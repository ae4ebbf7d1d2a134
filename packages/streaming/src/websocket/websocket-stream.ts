import { Duplex } from 'node:stream';
import type { Done } from '../feed.ts';
import { WebSocketConnection } from './websocket-connection.ts';

/** The binary messages of a WebSocket as one stream of bytes. Ending it closes the connection. */
export class WebSocketStream extends Duplex {
  readonly #connection: WebSocketConnection;
  readonly #socket: Duplex;
  #resume: (() => void) | undefined;

  constructor(options: { readonly socket: Duplex; readonly role: 'server' | 'client' }) {
    super();
    this.on('error', () => undefined); // Whoever reads sees it end.
    this.#socket = options.socket;
    this.#connection = new WebSocketConnection({ ...options, onMessage: (data) => this.#receive(data) });
    void this.#connection.closed.then(() => this.push(null));
  }

  #receive(data: Buffer): Promise<void> | undefined {
    if (data.length === 0 || this.destroyed || this.push(data)) return undefined;
    return new Promise((resolve) => (this.#resume = resolve));
  }

  override _read(): void {
    this.#letGo();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#connection.send([chunk], 'binary', done);
  }

  override _final(done: Done): void {
    this.#connection.close();
    done();
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#letGo();
    if (error) this.#socket.destroy();
    else this.#connection.close();
    done(error);
  }

  #letGo(): void {
    this.#resume?.();
    this.#resume = undefined;
  }
}
