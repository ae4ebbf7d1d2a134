// Hot path: every chunk that arrives. A message that arrives in one chunk is not copied.
import { Buffer } from 'node:buffer';
import { KeelsonError } from '@keelson/base';

/** A byte that says whether the message is compressed, and its length. */
const PREFIX_BYTES = 5;

/** A message as gRPC puts it into a stream. */
export function frameOf(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
  frame.writeUInt8(0, 0);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, PREFIX_BYTES);
  return frame;
}

/** Cuts a stream into messages again. */
export class FrameReader {
  readonly #maxBytes: number;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  /** How many bytes have to be there for the next step. */
  #wanted = PREFIX_BYTES;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** True if a message has begun that is not complete. */
  get isWithin(): boolean {
    return this.#bytes > 0;
  }

  /** Takes a chunk; gives the messages that are complete with it. They are views into what arrived. */
  push(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < this.#wanted) return [];
    let rest = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    const messages: Buffer[] = [];
    while (rest.length >= (this.#wanted = this.#frameBytes(rest))) {
      messages.push(rest.subarray(PREFIX_BYTES, this.#wanted));
      rest = rest.subarray(this.#wanted);
    }
    this.#chunks.length = 0;
    if (rest.length > 0) this.#chunks.push(rest);
    this.#bytes = rest.length;
    return messages;
  }

  #frameBytes(rest: Buffer): number {
    if (rest.length < PREFIX_BYTES) return PREFIX_BYTES;
    if (rest.readUInt8(0) !== 0) throw new KeelsonError('InternalError', 'Cannot read a compressed message: none was asked for');
    const bytes = rest.readUInt32BE(1);
    if (bytes <= this.#maxBytes) return PREFIX_BYTES + bytes;
    const message = `Cannot read a message of ${bytes} bytes: at most ${this.#maxBytes} are allowed`;
    throw new KeelsonError('RequestEntityTooLarge', message);
  }
}
