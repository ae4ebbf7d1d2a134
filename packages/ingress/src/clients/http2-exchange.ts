import { constants, type IncomingHttpHeaders, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Readable, Writable } from 'node:stream';
import { plainAddress } from './http1-exchange.ts';
import { pairsOf, type Exchange, type HeaderPairs } from './exchange.ts';

/** A request over HTTP/2. */
export class Http2Exchange implements Exchange {
  readonly method: string;
  readonly authority: string;
  readonly target: string;
  readonly headers: HeaderPairs;
  readonly protocol = 'HTTP/2.0';
  readonly isEncrypted = true;
  readonly remoteAddress: string;
  readonly hasBody: boolean;
  readonly body: Readable;
  readonly #stream: ServerHttp2Stream;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: readonly string[]) {
    const pseudo = (name: string): string => String(headers[name] ?? '');
    this.method = pseudo(':method') || 'GET';
    this.authority = pseudo(':authority') || headers.host || '';
    this.target = pseudo(':path') || '/';
    this.headers = pairsOf(rawHeaders).filter(([name]) => !name.startsWith(':'));
    this.remoteAddress = plainAddress(stream.session?.socket.remoteAddress);
    this.hasBody = !stream.endAfterHeaders;
    this.body = stream;
    this.#stream = stream;
  }

  respond(status: number, headers: HeaderPairs, trailers?: () => HeaderPairs): Writable {
    const stream = this.#stream;
    const waitForTrailers = trailers !== undefined && this.method !== 'HEAD';
    // Node's own request and response objects, which nobody uses, would send theirs.
    stream.removeAllListeners('wantTrailers');
    if (waitForTrailers) stream.once('wantTrailers', () => stream.sendTrailers(objectOf(trailers())));
    stream.respond({ ':status': status, ...objectOf(headers) }, { waitForTrailers });
    return stream;
  }

  abort(): void {
    this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  onClose(listener: () => void): void {
    this.#stream.once('close', listener);
  }
}

/** Names in lower case; several values of a name stay apart. */
export function objectOf(pairs: HeaderPairs): OutgoingHttpHeaders {
  const object: Record<string, string | string[]> = {};
  for (const [name, value] of pairs) {
    const key = name.toLowerCase();
    const known = object[key];
    if (known === undefined) object[key] = value;
    else object[key] = Array.isArray(known) ? [...known, value] : [known, value];
  }
  return object;
}
