import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { HttpExchange } from '../response/api-result.ts';
import type { BodyWriter, Exchange, HeaderValues } from './exchange.ts';
import { declaredLength, LEAVES_BODY, readBody } from './read-body.ts';

const SHORT_BYTES = 8 * 1024;

/** Hot path: a request over HTTP/1.1. */
export class Http1Exchange implements Exchange {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#request = request;
    this.#response = response;
    // A client that goes away is no news: whoever needs to know listens to `close`.
    response.on('error', () => undefined);
  }

  get method(): string {
    return this.#request.method ?? 'GET';
  }

  get url(): string {
    return this.#request.url ?? '/';
  }

  get headers(): IncomingMessage['headers'] {
    return this.#request.headers;
  }

  get socket(): Socket {
    return this.#request.socket;
  }

  get hasBegun(): boolean {
    return this.#response.headersSent;
  }

  readBody(limitBytes: number): Promise<Buffer> {
    return readBody(this.#request, {
      limitBytes,
      declaredBytes: declaredLength(this.headers['content-length']),
      // The request itself does not tell: it is let go of with the answer.
      onClose: (listener) => this.onClose(listener),
    });
  }

  send(status: number, headers: HeaderValues, body: Buffer): void {
    const response = this.#response;
    if (LEAVES_BODY.has(status)) response.setHeader('Connection', 'close');
    headers['Content-Length'] = body.length;
    response.writeHead(status, headers as OutgoingHttpHeaders);
    if (this.method === 'HEAD') response.end();
    // As text, a body goes into the same piece as the head, which costs less than it takes to copy it, if it is short.
    else if (body.length <= SHORT_BYTES) response.end(body.toString('latin1'), 'latin1');
    else response.end(body);
  }

  begin(status: number, headers: HeaderValues): BodyWriter {
    this.#response.writeHead(status, headers as OutgoingHttpHeaders);
    this.#response.flushHeaders();
    return new Http1Writer(this.#response);
  }

  onClose(listener: () => void): void {
    this.#response.once('close', listener);
  }

  destroy(): void {
    this.#request.socket.destroy();
  }

  raw(headers: HeaderValues): HttpExchange {
    for (const [name, value] of Object.entries(headers)) this.#response.setHeader(name, value);
    return { request: this.#request, response: this.#response };
  }
}

class Http1Writer implements BodyWriter {
  readonly #response: ServerResponse;
  readonly isChunked: boolean;

  constructor(response: ServerResponse) {
    this.#response = response;
    // A pipelined response has no socket yet.
    this.isChunked = response.chunkedEncoding && response.socket !== null;
  }

  get backlogBytes(): number {
    const { socket } = this.#response;
    return socket ? socket.writableLength : this.#response.writableLength;
  }

  write(bytes: Uint8Array): void {
    if (!this.#response.destroyed) this.#response.write(bytes);
  }

  writeRaw(bytes: Uint8Array): void {
    const { socket } = this.#response;
    if (!this.isChunked || !socket) this.write(bytes);
    else if (socket.writable) socket.write(bytes);
  }

  onDrain(listener: () => void): void {
    (this.#response.socket ?? this.#response).once('drain', listener);
  }

  end(): void {
    this.#response.end();
  }

  destroy(): void {
    this.#response.destroy();
  }
}
