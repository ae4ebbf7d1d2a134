import type { Duplex } from 'node:stream';
import { SystemClock } from '@keelson/base';
import type { Done } from '../feed.ts';
import { CLOSE, framesOf, MessageReader, OPCODE, WebSocketError, type Received } from './framing.ts';

/** Far above what clients send at once; a message is held in memory. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
/** How long the peer may take to answer our close, and to end the connection after it. */
const LINGER_MS = 5000;
const PING_MS = 10_000;

export interface WebSocketConnectionOptions {
  /** After the handshake. Owned by the connection from now on. */
  readonly socket: Duplex;
  readonly role: 'server' | 'client';
  /** Called with each message, in order. If it gives a promise, nothing more is read until that resolves. */
  readonly onMessage: (data: Buffer) => Promise<void> | undefined;
  /** How often to send a ping: while nothing is read, that alone shows that the peer is gone. Default 10 s. */
  readonly pingMs?: number;
}

interface WaitingFrame {
  /** Head and payload. */
  readonly parts: readonly Buffer[];
  readonly done: Done;
}

/**
 * A WebSocket (RFC 6455) without extensions, over a connection whose handshake is done. Frames are given to the socket one by one, so that
 * none shares its TLS record with the next: clients that wait by `select()`, as Python's do, do not see the rest of a record that they have
 * read a frame out of.
 */
export class WebSocketConnection {
  /** Resolves when nothing more can be sent or received; never rejects. The socket ends by itself soon after. */
  readonly closed: Promise<void>;
  readonly #socket: Duplex;
  readonly #isClient: boolean;
  readonly #onMessage: WebSocketConnectionOptions['onMessage'];
  readonly #reader: MessageReader;
  readonly #pings: Disposable;
  readonly #waiting: WaitingFrame[] = [];
  #isWriting = false;
  #isEnding = false;
  #linger: Disposable | undefined;
  #stopWaiting: () => void = () => undefined;

  constructor({ socket, role, onMessage, pingMs = PING_MS }: WebSocketConnectionOptions) {
    this.#socket = socket;
    this.#isClient = role === 'client';
    this.#onMessage = onMessage;
    this.#reader = new MessageReader({ fromClient: role === 'server', maxBytes: MAX_MESSAGE_BYTES });
    this.#pings = new SystemClock().every(pingMs, () => {
      if (!this.#isWriting) this.#write(OPCODE.ping, []);
    });
    this.closed = this.#run();
  }

  /** Sends a message made of these pieces; calls back when the connection takes more. */
  send(pieces: readonly Uint8Array[], kind: 'binary' | 'text', done: Done): void {
    if (this.#linger || this.#socket.destroyed) return done(new Error('WebSocket closed'));
    this.#write(OPCODE[kind], pieces, done);
  }

  /** Ends the connection, after what has been sent so far. */
  close(code: number = CLOSE.normal): void {
    if (this.#linger || this.#socket.destroyed) return;
    this.#lingerOn();
    this.#write(OPCODE.close, [Uint8Array.of(code >> 8, code & 0xff)]);
    this.#stopWaiting();
  }

  async #run(): Promise<void> {
    const socket = this.#socket;
    socket.on('error', () => undefined); // The loop below ends by it.
    socket.once('close', () => this.#stopWaiting());
    try {
      for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        for (const received of await this.#reader.push(chunk)) {
          if (received.type === 'close') return this.#answerClose(received.data);
          await this.#receive(received);
        }
      }
    } catch (error) {
      if (error instanceof WebSocketError) this.close(error.code);
    } finally {
      this.#windDown();
    }
  }

  #answerClose(payload: Buffer): void {
    if (this.#linger || this.#socket.destroyed) return;
    this.#write(OPCODE.close, [payload]);
  }

  async #receive({ type, data }: Received): Promise<void> {
    // A peer that pings without reading the answers is made to wait.
    if (type === 'ping') return this.#pong(data);
    // After our own close nobody reads any more.
    if (this.#linger) return;
    const hasRoom = this.#onMessage(data);
    // A reader that never gets to it must outlast neither the connection nor our own close.
    if (hasRoom && !this.#socket.destroyed) await Promise.race([hasRoom, this.#stopped()]);
  }

  #stopped(): Promise<void> {
    return new Promise((resolve) => (this.#stopWaiting = resolve));
  }

  #pong(payload: Buffer): Promise<void> | undefined {
    if (this.#linger || this.#socket.destroyed) return undefined;
    return new Promise((resolve) => this.#write(OPCODE.pong, [payload], () => resolve()));
  }

  /** What is still to be sent, such as the answer to a close, goes first. */
  #windDown(): void {
    this.#pings[Symbol.dispose]();
    if (this.#socket.destroyed) return this.#linger?.[Symbol.dispose]();
    const linger = this.#lingerOn();
    this.#socket.once('close', () => linger[Symbol.dispose]());
    this.#socket.resume();
    this.#isEnding = true;
    if (!this.#isWriting) this.#socket.end();
  }

  #lingerOn(): Disposable {
    this.#pings[Symbol.dispose]();
    return (this.#linger ??= new SystemClock().after(LINGER_MS, () => this.#socket.destroy()));
  }

  #write(opcode: number, pieces: readonly Uint8Array[], done: Done = () => undefined): void {
    const [only] = pieces;
    const data = pieces.length === 1 && Buffer.isBuffer(only) ? only : Buffer.concat(pieces);
    this.#waiting.push({ parts: framesOf(opcode, data, this.#isClient), done });
    if (!this.#isWriting) this.#writeNext();
  }

  #writeNext(): void {
    const next = this.#waiting.shift();
    this.#isWriting = next !== undefined;
    if (!next) return void (this.#isEnding && this.#socket.end());
    const written: Done = (error) => {
      next.done(error);
      this.#writeNext();
    };
    this.#socket.cork();
    for (const [at, part] of next.parts.entries()) this.#socket.write(part, at === next.parts.length - 1 ? written : undefined);
    this.#socket.uncork();
  }
}
