import type { Duplex } from 'node:stream';
import { SystemClock } from '@keelson/base';
import { CONTROL, controlFrame, FLAG_FIN, type Frame, FrameReader, numbers, RESET } from './frames.ts';
import { HeaderReader, type SpdyHeaders, HeaderWriter } from './header-block.ts';
import { SpdyStream } from './spdy-stream.ts';

/** A client that opens more at a time is turned away, stream by stream. */
const MAX_STREAMS = 1000;
/** How long the peer may take to end its side after we ended ours. */
const LINGER_MS = 5000;
const PING_MS = 10_000;

export interface SpdyConnectionOptions {
  readonly socket: Duplex;
  readonly role: 'server' | 'client';
  /** Called with each stream that the peer opens; it has been accepted. */
  readonly onStream?: (stream: SpdyStream) => void;
  /** How often to send a ping: while nothing is read, that alone shows that the peer is gone. Default 10 s. */
  readonly pingMs?: number;
}

/**
 * SPDY/3.1 over a byte stream, as far as Kubernetes' clients use it. There is no flow control by windows, since those clients send no
 * window updates: a stream whose reader is slow makes the connection wait.
 */
export class SpdyConnection {
  /** Resolves when the connection is over; never rejects. */
  readonly closed: Promise<void>;
  readonly #socket: Duplex;
  readonly #onStream: (stream: SpdyStream) => void;
  readonly #streams = new Map<number, SpdyStream>();
  readonly #headerReader = new HeaderReader();
  readonly #headerWriter = new HeaderWriter();
  readonly #frames = new FrameReader();
  readonly #isServer: boolean;
  readonly #pings: Disposable;
  #nextId: number;
  #lastPeerId = 0;
  #pingId: number;
  #linger: Disposable | undefined;

  constructor({ socket, role, onStream, pingMs = PING_MS }: SpdyConnectionOptions) {
    this.#socket = socket;
    this.#isServer = role === 'server';
    this.#nextId = this.#isServer ? 2 : 1;
    this.#pingId = this.#nextId;
    this.#onStream = onStream ?? ((stream) => stream.destroy());
    this.#pings = new SystemClock().every(pingMs, () => this.#ping());
    this.closed = this.#run();
  }

  /** Opens a stream. It may be written to at once. */
  open(headers: SpdyHeaders): SpdyStream {
    const id = this.#nextId;
    this.#nextId += 2;
    const stream = this.#add(id, headers);
    const payload = Buffer.concat([numbers(id, 0), Buffer.alloc(2), this.#headerWriter.write(headers)]);
    void this.#send(controlFrame(CONTROL.synStream, payload));
    return stream;
  }

  /** Says goodbye and ends the connection after what has been written so far. */
  close(): void {
    if (this.#linger || this.#socket.destroyed) return;
    this.#linger = new SystemClock().after(LINGER_MS, () => this.#socket.destroy());
    this.#pings[Symbol.dispose]();
    void this.#send(controlFrame(CONTROL.goAway, numbers(this.#lastPeerId, 0)));
    this.#socket.end();
    this.#releaseAll();
  }

  async #run(): Promise<void> {
    this.#socket.on('error', () => undefined); // The loop below ends by it.
    // The loop may be waiting for a slow reader: that must not outlast the connection.
    this.#socket.once('close', () => this.#releaseAll());
    let failure: Error | undefined;
    try {
      for await (const chunk of this.#socket as AsyncIterable<Buffer>) {
        for (const frame of this.#frames.push(chunk)) await this.#receive(frame);
      }
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
    } finally {
      this.#pings[Symbol.dispose]();
      this.#linger?.[Symbol.dispose]();
      this.#headerReader.close();
      this.#abortAll(failure);
      this.#socket.destroy();
    }
  }

  async #receive(frame: Frame): Promise<void> {
    if (frame.kind === 'control') return this.#control(frame.type, frame.flags, frame.payload);
    if (this.#linger) return; // We have said goodbye: nobody reads it any more.
    const stream = this.#streams.get(frame.streamId);
    if (stream) return stream.receive(frame.payload, (frame.flags & FLAG_FIN) !== 0);
    // Data for a stream that we reset crosses the reset on the way: not worth a word.
    if (frame.streamId > this.#lastPeerId) return this.#reset(frame.streamId, RESET.invalidStream);
  }

  async #control(type: number, flags: number, payload: Buffer): Promise<void> {
    switch (type) {
      case CONTROL.synStream:
        return this.#synStream(flags, payload);
      case CONTROL.synReply:
      case CONTROL.headers:
        return this.#moreHeaders(flags, payload);
      case CONTROL.rstStream:
        this.#streams.get(streamId(payload))?.abort();
        return;
      case CONTROL.ping: {
        const isOurs = (payload.readUInt32BE(0) % 2 === 0) === this.#isServer;
        return isOurs ? undefined : this.#send(controlFrame(CONTROL.ping, payload));
      }
      default:
        return; // Settings and windows do not concern us; after a goaway the peer closes by itself.
    }
  }

  async #synStream(flags: number, payload: Buffer): Promise<void> {
    const id = streamId(payload);
    // Read in any case: leaving a block out would garble all that follow.
    const headers = await this.#headerReader.read(payload.subarray(10));
    if (id <= this.#lastPeerId || (id % 2 === 1) !== this.#isServer) return this.#reset(id, RESET.protocolError);
    this.#lastPeerId = id;
    if (this.#streams.size >= MAX_STREAMS || this.#linger) return this.#reset(id, RESET.refusedStream);
    const stream = this.#add(id, headers);
    await this.#send(controlFrame(CONTROL.synReply, Buffer.concat([numbers(id), this.#headerWriter.write({})])));
    this.#onStream(stream);
    if ((flags & FLAG_FIN) !== 0) await stream.receive(Buffer.alloc(0), true);
  }

  async #moreHeaders(flags: number, payload: Buffer): Promise<void> {
    await this.#headerReader.read(payload.subarray(4));
    if ((flags & FLAG_FIN) !== 0) await this.#streams.get(streamId(payload))?.receive(Buffer.alloc(0), true);
  }

  #ping(): void {
    if (this.#socket.writableNeedDrain) return;
    this.#pingId += 2;
    void this.#send(controlFrame(CONTROL.ping, numbers(this.#pingId >>> 0)));
  }

  #releaseAll(): void {
    for (const stream of this.#streams.values()) stream.release();
  }

  #abortAll(failure?: Error): void {
    for (const stream of this.#streams.values()) {
      // A server has no use for the rest of what a client said before it went away.
      if (this.#isServer) stream.abort(failure);
      else stream.finish(failure);
    }
  }

  #reset(id: number, status: number): Promise<void> {
    return this.#send(controlFrame(CONTROL.rstStream, numbers(id, status)));
  }

  #add(id: number, headers: SpdyHeaders): SpdyStream {
    const stream = new SpdyStream({ id, headers, send: (frame, done) => void this.#socket.write(frame, done) });
    stream.on('error', () => undefined); // Each user of a stream sees it end; an error of the connection must not end the process.
    stream.once('close', () => this.#streams.delete(id));
    this.#streams.set(id, stream);
    return stream;
  }

  /** Resolves when the connection takes more, or is gone: that shows in the loop that reads. */
  #send(frame: Buffer): Promise<void> {
    return new Promise((resolve) => void this.#socket.write(frame, () => resolve()));
  }
}

function streamId(payload: Buffer): number {
  return payload.readUInt32BE(0) & 0x7fffffff;
}
