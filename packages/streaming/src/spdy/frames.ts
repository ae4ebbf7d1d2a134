import { ByteQueue } from '../byte-queue.ts';

/** Types of control frames. */
export const CONTROL = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  headers: 8,
  windowUpdate: 9,
} as const;

export const FLAG_FIN = 1;
export const RESET = { protocolError: 1, invalidStream: 2, refusedStream: 3, cancel: 5 } as const;

const VERSION = 3;
const HEADER_BYTES = 8;
/** The length field would allow 16 MiB; nobody sends that, and it is held in memory. */
const MAX_FRAME_BYTES = 4 * 1024 * 1024;

export type Frame =
  | { readonly kind: 'data'; readonly streamId: number; readonly flags: number; readonly payload: Buffer }
  | { readonly kind: 'control'; readonly type: number; readonly flags: number; readonly payload: Buffer };

export function dataFrame(streamId: number, payload: Uint8Array, flags = 0): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(streamId, 0);
  header.writeUInt32BE(payload.length, 4);
  header[4] = flags;
  return Buffer.concat([header, payload]);
}

export function controlFrame(type: number, payload: Uint8Array, flags = 0): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(0x8000 | VERSION, 0);
  header.writeUInt16BE(type, 2);
  header.writeUInt32BE(payload.length, 4);
  header[4] = flags;
  return Buffer.concat([header, payload]);
}

/** Big-endian 32-bit numbers one after the other: what most control frames consist of. */
export function numbers(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, index) => bytes.writeUInt32BE(value, 4 * index));
  return bytes;
}

/** Cuts a stream of bytes into frames. */
export class FrameReader {
  readonly #bytes = new ByteQueue();

  /** The frames that are complete now. Throws on bytes that are no SPDY/3. */
  *push(chunk: Uint8Array): Generator<Frame, void, undefined> {
    this.#bytes.push(chunk);
    for (let header = this.#bytes.peek(HEADER_BYTES); header; header = this.#bytes.peek(HEADER_BYTES)) {
      const size = HEADER_BYTES + header.readUIntBE(5, 3);
      if (size > MAX_FRAME_BYTES) throw new Error(`SPDY frame of ${size} bytes exceeds ${MAX_FRAME_BYTES} bytes`);
      const frame = this.#bytes.take(size);
      if (!frame) return;
      yield parse(frame);
    }
  }
}

function parse(frame: Buffer): Frame {
  const flags = frame[4] ?? 0;
  const payload = frame.subarray(HEADER_BYTES);
  const first = frame.readUInt16BE(0);
  if ((first & 0x8000) === 0) return { kind: 'data', streamId: frame.readUInt32BE(0), flags, payload };
  const version = first & 0x7fff;
  if (version !== VERSION) throw new Error(`SPDY version ${version} is not ${VERSION}`);
  return { kind: 'control', type: frame.readUInt16BE(2), flags, payload };
}
