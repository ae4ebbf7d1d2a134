import { Duplex } from 'node:stream';
import type { Done } from '../feed.ts';
import { controlFrame, CONTROL, dataFrame, FLAG_FIN, numbers, RESET } from './frames.ts';
import type { SpdyHeaders } from './header-block.ts';

/** Small enough that streams share the connection fairly. */
const MAX_DATA_BYTES = 32 * 1024;
/** How much of one stream may wait unread before the whole connection waits for it. */
const UNREAD_BYTES = 256 * 1024;

export interface SpdyStreamOptions {
  readonly id: number;
  readonly headers: SpdyHeaders;
  /** Calls back when the connection takes more. */
  readonly send: (frame: Buffer, done?: Done) => void;
}

/** One stream of a SPDY connection. Ending it closes our half; destroying it before both halves are closed resets it. */
export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: SpdyHeaders;
  readonly #send: SpdyStreamOptions['send'];
  #peerDone = false;
  #cut = false;
  #isReleased = false;
  #resume: (() => void) | undefined;

  constructor({ id, headers, send }: SpdyStreamOptions) {
    super({ allowHalfOpen: true, readableHighWaterMark: UNREAD_BYTES });
    this.id = id;
    this.headers = headers;
    this.#send = send;
  }

  /** Takes what the peer sent. Resolves when the reader keeps up again. */
  async receive(payload: Buffer, isLast: boolean): Promise<void> {
    if (this.#peerDone || this.destroyed) return;
    const hasRoom = payload.length === 0 || this.push(payload);
    if (isLast) {
      this.#peerDone = true;
      this.push(null);
    } else if (!hasRoom && !this.#isReleased) {
      await new Promise<void>((resolve) => (this.#resume = resolve));
    }
  }

  /** The connection waits for the reader no longer: little more can arrive. */
  release(): void {
    this.#isReleased = true;
    this.#letGo();
  }

  /** The peer, or the end of the connection, cut the stream off: there is nothing to say any more. */
  abort(error?: Error): void {
    this.#cut = true;
    this.destroy(error);
  }

  /** The connection is over. What has arrived can still be read if it was all. */
  finish(error?: Error): void {
    if (!this.#peerDone || this.readableEnded) return this.abort(error);
    this.#cut = true;
    this.once('end', () => this.destroy());
  }

  override _read(): void {
    this.#letGo();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    let at = 0;
    for (; at + MAX_DATA_BYTES < chunk.length; at += MAX_DATA_BYTES) {
      this.#send(dataFrame(this.id, chunk.subarray(at, at + MAX_DATA_BYTES)));
    }
    this.#send(dataFrame(this.id, chunk.subarray(at)), done);
  }

  override _final(done: Done): void {
    this.#send(dataFrame(this.id, Buffer.alloc(0), FLAG_FIN), done);
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#letGo();
    const isWhole = this.#peerDone && this.writableFinished;
    if (!isWhole && !this.#cut) this.#send(controlFrame(CONTROL.rstStream, numbers(this.id, RESET.cancel)));
    done(error);
  }

  #letGo(): void {
    this.#resume?.();
    this.#resume = undefined;
  }
}
