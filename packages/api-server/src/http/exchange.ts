import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import type { HttpExchange } from '../response/api-result.ts';

export type HeaderValues = Record<string, string | number | readonly string[]>;

/** The body of an answer that comes over time. */
export interface BodyWriter {
  /** True if chunks given to `writeRaw` must be wrapped as HTTP/1.1 chunks already. */
  readonly isChunked: boolean;
  /** Bytes that are waiting for the client to read. */
  readonly backlogBytes: number;
  write(bytes: Uint8Array): void;
  /** Bytes that may be shared with other writers, in the form that `isChunked` asks for. */
  writeRaw(bytes: Uint8Array): void;
  /** Calls back once, when the client has read what was waiting. */
  onDrain(listener: () => void): void;
  end(): void;
  /** Cuts the connection or stream off. */
  destroy(): void;
}

/** One request and its answer, over HTTP/1.1 or HTTP/2. */
export interface Exchange {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly socket: Socket;
  /** True once an answer has begun. */
  readonly hasBegun: boolean;
  readBody(limitBytes: number): Promise<Buffer>;
  /** Answers at once. */
  send(status: number, headers: HeaderValues, body: Buffer): void;
  /** Begins an answer that comes over time. */
  begin(status: number, headers: HeaderValues): BodyWriter;
  /** Calls back once, when the answer is complete or the client has gone. */
  onClose(listener: () => void): void;
  /** Cuts the request off. */
  destroy(): void;
  /** For those who stream by themselves. The headers are set already, and may be replaced. */
  raw(headers: HeaderValues): HttpExchange;
}
