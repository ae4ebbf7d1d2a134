import { Duplex } from 'node:stream';
import type { Done } from './feed.ts';
import type { RawData, WebSocket } from 'ws';

/** `base64` protocols send text: the channel as one digit, then the data in base64. */
export type ChannelEncoding = 'binary' | 'base64';

export interface WebSocketChannelsOptions {
  readonly socket: WebSocket;
  readonly encoding: ChannelEncoding;
  /** The half of a channel can be closed by a message (v5 and later). */
  readonly canHalfClose: boolean;
}

const CLOSE_CHANNEL = 255;

/**
 * Several byte streams in one WebSocket: the first byte of each message says which one it is for. A channel whose reader is slow makes
 * the connection wait.
 */
export class WebSocketChannels {
  /** Resolves when the connection is over; never rejects. */
  readonly closed: Promise<void>;
  readonly #options: WebSocketChannelsOptions;
  readonly #channels = new Map<number, Channel>();

  constructor(options: WebSocketChannelsOptions) {
    this.#options = options;
    const { socket } = options;
    socket.on('error', () => undefined); // `close` follows.
    socket.on('message', (data: RawData) => this.#receive(this.#decode(toBuffer(data))));
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        for (const channel of this.#channels.values()) channel.cut();
        resolve();
      });
    });
  }

  /** The channel of this number. Make those that the peer writes to before anything can arrive; messages for others are dropped. */
  channel(id: number): Duplex {
    const known = this.#channels.get(id);
    if (known) return known;
    const channel = new Channel({
      send: (data, done) => this.send(id, data, done),
      half: (done) => (this.#options.canHalfClose ? this.send(CLOSE_CHANNEL, Uint8Array.of(id), done) : done()),
      pause: () => this.#options.socket.pause(),
      resume: () => this.#options.socket.resume(),
    });
    this.#channels.set(id, channel);
    return channel;
  }

  /** Sends one message for a channel; calls back when the connection takes more. */
  send(id: number, data: Uint8Array, done: Done): void {
    this.#options.socket.send(this.#encode(id, data), (error) => done(error));
  }

  /** Ends the connection, after what has been written so far. */
  close(): void {
    this.#options.socket.resume();
    this.#options.socket.close(1000);
  }

  #receive([id, data]: readonly [number, Buffer]): void {
    if (id === CLOSE_CHANNEL && this.#options.canHalfClose) this.#channels.get(data[0] ?? -1)?.receiveEnd();
    else if (data.length > 0) this.#channels.get(id)?.receive(data);
  }

  #encode(id: number, data: Uint8Array): Buffer | string {
    if (this.#options.encoding === 'base64') return `${id}${Buffer.from(data).toString('base64')}`;
    return Buffer.concat([Uint8Array.of(id), data]);
  }

  #decode(message: Buffer): readonly [number, Buffer] {
    if (this.#options.encoding === 'binary') return [message[0] ?? -1, message.subarray(1)];
    return [(message[0] ?? 0) - 48, Buffer.from(message.toString('latin1', 1), 'base64')];
  }
}

interface ChannelCalls {
  readonly send: (data: Buffer, done: Done) => void;
  readonly half: (done: Done) => void;
  readonly pause: () => void;
  readonly resume: () => void;
}

class Channel extends Duplex {
  readonly #calls: ChannelCalls;
  #ended = false;

  constructor(calls: ChannelCalls) {
    super({ allowHalfOpen: true });
    this.#calls = calls;
    this.on('error', () => undefined); // Each user sees the channel end; a lost connection must not end the process.
  }

  receive(data: Buffer): void {
    if (!this.#ended && !this.destroyed && !this.push(data)) this.#calls.pause();
  }

  receiveEnd(): void {
    if (this.#ended || this.destroyed) return;
    this.#ended = true;
    this.push(null);
  }

  /** The connection is gone. What has arrived can still be read. */
  cut(): void {
    const onEnd = (): void => void this.destroy(this.writableFinished ? undefined : new Error('WebSocket closed'));
    this.receiveEnd();
    if (this.readableEnded || this.destroyed) onEnd();
    else this.once('end', onEnd);
  }

  override _read(): void {
    this.#calls.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#calls.send(chunk, done);
  }

  override _final(done: Done): void {
    this.#calls.half(done);
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#calls.resume();
    done(error);
  }
}

function toBuffer(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
