import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { pairsOf, type Exchange, type HeaderPairs } from './exchange.ts';

/** A request over HTTP/1.1 or 1.0. */
export class Http1Exchange implements Exchange {
  readonly method: string;
  readonly authority: string;
  readonly target: string;
  readonly headers: HeaderPairs;
  readonly protocol: Exchange['protocol'];
  readonly isEncrypted: boolean;
  readonly remoteAddress: string;
  readonly hasBody: boolean;
  readonly body: Readable;
  readonly #response: ServerResponse;
  readonly #isDraining: () => boolean;

  constructor(request: IncomingMessage, response: ServerResponse, isDraining: () => boolean) {
    const { headers } = request;
    this.method = request.method ?? 'GET';
    const url = request.url ?? '/';
    // Clients that take us for their proxy send whole URLs.
    const whole = url.startsWith('/') ? null : URL.parse(url);
    this.authority = whole?.host ?? headers.host ?? '';
    this.target = whole ? `${whole.pathname}${whole.search}` : url;
    this.headers = pairsOf(request.rawHeaders);
    this.protocol = request.httpVersionMinor === 0 ? 'HTTP/1.0' : 'HTTP/1.1';
    this.isEncrypted = isTls(request.socket);
    this.remoteAddress = plainAddress(request.socket.remoteAddress);
    this.hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
    this.body = request;
    this.#response = response;
    this.#isDraining = isDraining;
  }

  respond(status: number, headers: HeaderPairs, trailers?: () => HeaderPairs): Writable {
    const response = this.#response;
    const raw = headers.flat();
    // Nobody reads what is left of a refused body: the connection cannot be used again.
    if (this.#isDraining() || (this.hasBody && status >= 500 && !this.body.readableEnded)) raw.push('Connection', 'close');
    response.writeHead(status, raw);
    return trailers ? withTrailers(response, trailers) : response;
  }

  abort(): void {
    this.#response.destroy();
  }

  onClose(listener: () => void): void {
    this.#response.once('close', listener);
  }
}

/** Trailers have to be given before the end. */
function withTrailers(response: ServerResponse, trailers: () => HeaderPairs): Writable {
  const { end } = response;
  response.end = function endWithTrailers(this: ServerResponse, ...args: unknown[]) {
    const pairs = trailers();
    if (pairs.length > 0) response.addTrailers(pairs.map(([name, value]): [string, string] => [name, value]));
    return Reflect.apply(end, response, args) as ServerResponse;
  };
  return response;
}

export function isTls(socket: Socket): boolean {
  return 'encrypted' in socket && socket.encrypted === true;
}

/** Without the form that IPv4 addresses have on sockets of both families. */
export function plainAddress(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:(?=\d+\.)/, '');
}
