import {
  Http2ServerRequest,
  Http2ServerResponse,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import type { HttpExchange } from '../response/api-result.ts';
import type { BodyWriter, Exchange, HeaderValues } from './exchange.ts';
import { declaredLength, LEAVES_BODY, readBody } from './read-body.ts';

/** Hot path: a request over HTTP/2. */
export class Http2Exchange implements Exchange {
  readonly #stream: ServerHttp2Stream;
  readonly socket: Socket;
  readonly headers: IncomingHttpHeaders;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, socket: Socket) {
    this.#stream = stream;
    this.headers = headers;
    this.socket = socket;
    stream.on('error', () => undefined);
  }

  get method(): string {
    return String(this.headers[':method'] ?? 'GET');
  }

  get url(): string {
    return String(this.headers[':path'] ?? '/');
  }

  get hasBegun(): boolean {
    return this.#stream.headersSent;
  }

  readBody(limitBytes: number): Promise<Buffer> {
    return readBody(this.#stream, {
      limitBytes,
      declaredBytes: declaredLength(this.headers['content-length']),
      onClose: (listener) => this.onClose(listener),
    });
  }

  send(status: number, headers: HeaderValues, body: Buffer): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return;
    stream.respond({ ...headers, ':status': status, 'content-length': body.length } as OutgoingHttpHeaders);
    stream.end(this.method === 'HEAD' ? undefined : body);
    if (LEAVES_BODY.has(status)) stream.once('finish', () => stream.destroy());
  }

  begin(status: number, headers: HeaderValues): BodyWriter {
    const stream = this.#stream;
    if (!stream.destroyed && !stream.closed) stream.respond({ ...headers, ':status': status } as OutgoingHttpHeaders);
    return new Http2Writer(stream);
  }

  onClose(listener: () => void): void {
    if (this.#stream.destroyed) listener();
    else this.#stream.once('close', listener);
  }

  destroy(): void {
    this.#stream.destroy();
  }

  raw(headers: HeaderValues): HttpExchange {
    const request = new Http2ServerRequest(this.#stream, this.headers, {}, []);
    const response = new Http2ServerResponse(this.#stream);
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value as string);
    return { request, response };
  }
}

class Http2Writer implements BodyWriter {
  readonly isChunked = false;
  readonly #stream: ServerHttp2Stream;

  constructor(stream: ServerHttp2Stream) {
    this.#stream = stream;
  }

  get backlogBytes(): number {
    return this.#stream.writableLength;
  }

  write(bytes: Uint8Array): void {
    if (this.#stream.writable) this.#stream.write(bytes);
  }

  writeRaw(bytes: Uint8Array): void {
    this.write(bytes);
  }

  onDrain(listener: () => void): void {
    this.#stream.once('drain', listener);
  }

  end(): void {
    this.#stream.end();
  }

  destroy(): void {
    this.#stream.destroy();
  }
}
