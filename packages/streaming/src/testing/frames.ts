import { randomFillSync } from 'node:crypto';
import { ByteQueue } from '../byte-queue.ts';

/** What a frame is (RFC 6455, 5.2). */
export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** Codes of close frames (RFC 6455, 7.4.1). */
export const CLOSE = { normal: 1000, protocolError: 1002, tooBig: 1009 } as const;

export interface WebSocketFrame {
  readonly opcode: number;
  readonly isFinal: boolean;
  readonly payload: Buffer;
}

/** Bytes that break the protocol; `code` is for the close frame. */
export class WebSocketError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

const FINAL = 0x80;
const RESERVED = 0x70;
const MASKED = 0x80;
const MAX_CONTROL_BYTES = 125;

interface Header {
  readonly opcode: number;
  readonly isFinal: boolean;
  readonly headerBytes: number;
  readonly payloadBytes: number;
  readonly mask: Buffer | undefined;
}

/** Cuts a stream of bytes into frames. A client's frames must be masked, a server's must not be. */
export class WebSocketFrameReader {
  readonly #bytes = new ByteQueue();
  readonly #fromClient: boolean;
  readonly #maxBytes: number;

  constructor(options: { readonly fromClient: boolean; readonly maxBytes: number }) {
    this.#fromClient = options.fromClient;
    this.#maxBytes = options.maxBytes;
  }

  /** The frames that are complete now. Throws a `WebSocketError` on what is no WebSocket. */
  *push(chunk: Uint8Array): Generator<WebSocketFrame, void, undefined> {
    this.#bytes.push(chunk);
    for (let header = this.#header(); header; header = this.#header()) {
      if (this.#bytes.sizeBytes < header.headerBytes + header.payloadBytes) return;
      this.#bytes.take(header.headerBytes);
      const payload = this.#bytes.take(header.payloadBytes) ?? Buffer.alloc(0);
      yield {
        opcode: header.opcode,
        isFinal: header.isFinal,
        payload: header.mask ? applyMask(payload, header.mask) : payload,
      };
    }
  }

  #header(): Header | undefined {
    const start = this.#bytes.peek(2);
    if (!start) return undefined;
    const [first = 0, second = 0] = start;
    this.#check(first, second);
    const length = second & 0x7f;
    const maskAt = 2 + (length === 127 ? 8 : length === 126 ? 2 : 0);
    const headerBytes = maskAt + (this.#fromClient ? 4 : 0);
    const bytes = this.#bytes.peek(headerBytes);
    if (!bytes) return undefined;
    const payloadBytes = length === 127 ? Number(bytes.readBigUInt64BE(2)) : length === 126 ? bytes.readUInt16BE(2) : length;
    if (payloadBytes > this.#maxBytes) throw new WebSocketError(CLOSE.tooBig, `WebSocket frame of ${payloadBytes} bytes`);
    const mask = this.#fromClient ? Buffer.from(bytes.subarray(maskAt)) : undefined;
    return { opcode: first & 0x0f, isFinal: (first & FINAL) !== 0, headerBytes, payloadBytes, mask };
  }

  #check(first: number, second: number): void {
    const opcode = first & 0x0f;
    if ((first & RESERVED) !== 0) throw new WebSocketError(CLOSE.protocolError, 'WebSocket frame of an unknown extension');
    if (!Object.values<number>(OPCODE).includes(opcode))
      throw new WebSocketError(CLOSE.protocolError, `unknown WebSocket frame ${opcode}`);
    if (((second & MASKED) !== 0) !== this.#fromClient)
      throw new WebSocketError(CLOSE.protocolError, 'WebSocket frame masked wrongly');
    const isControl = opcode >= OPCODE.close;
    if (isControl && ((first & FINAL) === 0 || (second & 0x7f) > MAX_CONTROL_BYTES))
      throw new WebSocketError(CLOSE.protocolError, 'WebSocket control frame too long or in parts');
  }
}

/** One whole message or control frame. A client masks what it sends. */
export function webSocketFrame(opcode: number, payload: readonly Uint8Array[], fromClient: boolean): Buffer {
  const payloadBytes = payload.reduce((sum, { length }) => sum + length, 0);
  const lengthBytes = payloadBytes > 0xffff ? 8 : payloadBytes > 125 ? 2 : 0;
  const header = Buffer.alloc(2 + lengthBytes + (fromClient ? 4 : 0));
  header[0] = FINAL | opcode;
  header[1] = (fromClient ? MASKED : 0) | (lengthBytes === 8 ? 127 : lengthBytes === 2 ? 126 : payloadBytes);
  if (lengthBytes === 8) header.writeBigUInt64BE(BigInt(payloadBytes), 2);
  if (lengthBytes === 2) header.writeUInt16BE(payloadBytes, 2);
  const frame = Buffer.concat([header, ...payload]);
  if (fromClient) {
    const mask = randomFillSync(frame.subarray(2 + lengthBytes, header.length));
    applyMask(frame.subarray(header.length), mask);
  }
  return frame;
}

/** Hot path: each byte that a client sends. In place, and four bytes at a time, from the first that is aligned for it. */
function applyMask(bytes: Buffer, mask: Buffer): Buffer {
  const misaligned = bytes.byteOffset % 4;
  const wordsAt = Math.min(bytes.length, misaligned === 0 ? 0 : 4 - misaligned);
  const wordCount = (bytes.length - wordsAt) >> 2;
  maskBytes(bytes.subarray(0, wordsAt), mask, 0);
  if (wordCount > 0) {
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset + wordsAt, wordCount);
    const [word = 0] = new Uint32Array(Uint8Array.from([0, 1, 2, 3], (index) => mask[(wordsAt + index) % 4] ?? 0).buffer);
    for (let index = 0; index < wordCount; index += 1) words[index] = (words[index] ?? 0) ^ word;
  }
  const restAt = wordsAt + 4 * wordCount;
  maskBytes(bytes.subarray(restAt), mask, restAt);
  return bytes;
}

function maskBytes(bytes: Buffer, mask: Buffer, offset: number): void {
  for (let index = 0; index < bytes.length; index += 1) bytes[index] = (bytes[index] ?? 0) ^ (mask[(offset + index) % 4] ?? 0);
}
