import { Duplex, type DuplexOptions } from 'node:stream';
import type { Done } from './feed.ts';
import { WebSocketConnection } from './websocket/websocket-connection.ts';

/** `base64` protocols send text: the channel as one digit, then the data in base64. */
export type ChannelEncoding = 'binary' | 'base64';

export interface WebSocketChannelsOptions {
  /** After the handshake. Owned by the channels from now on. */
  readonly socket: Duplex;
  readonly role: 'server' | 'client';
  readonly encoding: ChannelEncoding;
  /** The half of a channel can be closed by a message (v5 and later). */
  readonly canHalfClose: boolean;
}

/** What a channel is for on this side of the connection. */
export type ChannelUse = 'read' | 'write' | 'both';

const CLOSE_CHANNEL = 255;
/** How much of one channel may wait unread before the whole connection waits for it. */
const UNREAD_BYTES = 256 * 1024;

/**
 * Several byte streams in one WebSocket: the first byte of each message says which one it is for. A channel whose reader is slow makes
 * the connection wait.
 */
export class WebSocketChannels {
  /** Resolves when the connection is over; never rejects. */
  readonly closed: Promise<void>;
  readonly #options: WebSocketChannelsOptions;
  readonly #connection: WebSocketConnection;
  readonly #channels = new Map<number, Channel>();

  constructor(options: WebSocketChannelsOptions) {
    this.#options = options;
    const { socket, role } = options;
    this.#connection = new WebSocketConnection({ socket, role, onMessage: (data) => this.#receive(this.#decode(data)) });
    this.closed = this.#connection.closed.then(() => {
      for (const channel of this.#channels.values()) channel.cut();
    });
  }

  /**
   * The channel of this number, to be read, written or both. Make those that the peer writes to before anything can arrive: messages for
   * others are dropped. `skipBytes` of what it receives are left out at the start.
   */
  channel(id: number, use: ChannelUse, skipBytes = 0): Duplex {
    const known = this.#channels.get(id);
    if (known) return known;
    // Only clients close a half; they would not understand a server that does.
    const closesHalf = this.#options.canHalfClose && this.#options.role === 'client';
    const channel = new Channel(use, skipBytes, {
      send: (data, done) => this.#send(id, data, done),
      half: (done) => (closesHalf ? this.#send(CLOSE_CHANNEL, Uint8Array.of(id), done) : done()),
    });
    this.#channels.set(id, channel);
    return channel;
  }

  /** Ends the connection, after what has been written so far. */
  close(): void {
    this.#connection.close();
  }

  /** Calls back when the connection takes more. */
  #send(id: number, data: Uint8Array, done: Done): void {
    if (this.#options.encoding === 'binary') this.#connection.send([Uint8Array.of(id), data], 'binary', done);
    else this.#connection.send([Buffer.from(`${id}${Buffer.from(data).toString('base64')}`)], 'text', done);
  }

  #receive([id, data]: readonly [number, Buffer]): Promise<void> | undefined {
    if (id === CLOSE_CHANNEL && this.#options.canHalfClose) this.#channels.get(data[0] ?? -1)?.receiveEnd();
    else if (data.length > 0) return this.#channels.get(id)?.receive(data);
    return undefined;
  }

  #decode(message: Buffer): readonly [number, Buffer] {
    if (this.#options.encoding === 'binary') return [message[0] ?? -1, message.subarray(1)];
    return [(message[0] ?? 0) - 48, Buffer.from(message.toString('latin1', 1), 'base64')];
  }
}

interface ChannelCalls {
  readonly send: (data: Buffer, done: Done) => void;
  readonly half: (done: Done) => void;
}

class Channel extends Duplex {
  readonly #calls: ChannelCalls;
  #skipBytes: number;
  #ended = false;
  #resume: (() => void) | undefined;

  constructor(use: ChannelUse, skipBytes: number, calls: ChannelCalls) {
    super(optionsFor(use));
    this.#skipBytes = skipBytes;
    this.#calls = calls;
    this.on('error', () => undefined); // Each user sees the channel end; a lost connection must not end the process.
  }

  /** Takes what the peer sent. A promise resolves when the reader keeps up again. */
  receive(data: Buffer): Promise<void> | undefined {
    if (this.#ended || this.destroyed || this.readableEnded) return undefined;
    const rest = data.subarray(this.#skipBytes);
    this.#skipBytes -= data.length - rest.length;
    if (rest.length === 0 || this.push(rest)) return undefined;
    return new Promise((resolve) => (this.#resume = resolve));
  }

  receiveEnd(): void {
    if (this.#ended || this.destroyed) return;
    this.#ended = true;
    this.push(null);
  }

  /** The connection is gone. What has arrived can still be read. */
  cut(): void {
    const isWhole = this.writableFinished || !this.writable;
    const onEnd = (): void => void this.destroy(isWhole ? undefined : new Error('WebSocket closed'));
    this.receiveEnd();
    if (this.readableEnded || !this.readable) onEnd();
    else this.once('end', onEnd);
  }

  override _read(): void {
    this.#letGo();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#calls.send(chunk, done);
  }

  override _final(done: Done): void {
    this.#calls.half(done);
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#letGo();
    done(error);
  }

  #letGo(): void {
    this.#resume?.();
    this.#resume = undefined;
  }
}

function optionsFor(use: ChannelUse): DuplexOptions & { readonly readable: boolean; readonly writable: boolean } {
  return { readable: use !== 'write', writable: use !== 'read', readableHighWaterMark: UNREAD_BYTES };
}
