import type { Writable } from 'node:stream';
import * as ws from 'ws';

/** What a frame is (RFC 6455, 5.2). */
export const OPCODE = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** Codes of close frames (RFC 6455, 7.4.1). */
export const CLOSE = { normal: 1000, protocolError: 1002, notUtf8: 1007, tooBig: 1009 } as const;

/** What came: a whole message, or a control frame that asks for an answer. */
export interface Received {
  readonly type: 'message' | 'ping' | 'close';
  readonly data: Buffer;
}

/** Bytes that break the protocol; `code` is for the close frame. */
export class WebSocketError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

interface FrameOptions {
  readonly fin: boolean;
  readonly rsv1: boolean;
  readonly opcode: number;
  readonly mask: boolean;
  readonly readOnly: boolean;
}

/** The framing half of `ws`, which it exports beside its sockets; its type declarations leave it out. */
interface Framing {
  readonly Sender: { frame(data: Buffer, options: FrameOptions): Buffer[] };
  readonly Receiver: new (options: {
    readonly isServer: boolean;
    readonly maxPayload: number;
    readonly skipUTF8Validation: boolean;
  }) => Writable;
}
const { Sender, Receiver } = ws as unknown as Framing;

/** One whole message or control frame, in the pieces that go over the wire. A client masks what it sends. */
export function framesOf(opcode: number, data: Buffer, fromClient: boolean): readonly Buffer[] {
  return Sender.frame(data, { fin: true, rsv1: false, opcode, mask: fromClient, readOnly: true });
}

/** Cuts a stream of bytes into messages. */
export class MessageReader {
  readonly #receiver: Writable;
  #received: Received[] = [];

  constructor(options: { readonly fromClient: boolean; readonly maxBytes: number }) {
    const receiver = new Receiver({ isServer: options.fromClient, maxPayload: options.maxBytes, skipUTF8Validation: true });
    const note = (type: Received['type']) => (data: Buffer) => void this.#received.push({ type, data });
    receiver.on('message', note('message'));
    receiver.on('ping', note('ping'));
    receiver.on('conclude', (code: number) => note('close')(code === NO_CODE ? EMPTY : Buffer.of(code >> 8, code & 0xff)));
    // Told by the callback of the write that it comes from.
    receiver.on('error', () => undefined);
    this.#receiver = receiver;
  }

  /** What is complete now, in order. Rejects with a `WebSocketError` on what is no WebSocket; what was complete before it is lost. */
  async push(chunk: Uint8Array): Promise<readonly Received[]> {
    const error = await new Promise<NodeJS.ErrnoException | null | undefined>((resolve) => this.#receiver.write(chunk, resolve));
    if (error) throw new WebSocketError(CODES[error.code ?? ''] ?? CLOSE.protocolError, error.message);
    const received = this.#received;
    this.#received = [];
    return received;
  }
}

/** What stands for a close frame without a code. */
const NO_CODE = 1005;
const EMPTY = Buffer.alloc(0);

const CODES: Readonly<Record<string, number>> = {
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: CLOSE.tooBig,
  WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH: CLOSE.tooBig,
  WS_ERR_INVALID_UTF8: CLOSE.notUtf8,
};
