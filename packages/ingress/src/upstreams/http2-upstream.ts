import { connect, type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2';
import type { Clock } from '@keelson/base';
import type { Endpoint } from '../backends/backend.ts';
import { headerOf, type HeaderPairs } from '../clients/exchange.ts';
import { objectOf } from '../clients/http2-exchange.ts';
import { IdleTimeout, type Attempt, type Upstream, type UpstreamOptions, type UpstreamRequest } from './upstream.ts';

/** Endpoints that speak HTTP/2 without TLS, such as gRPC servers: one connection for each. */
export class Http2Upstream implements Upstream {
  readonly #sessions = new Map<string, ClientHttp2Session>();
  readonly #clock: Clock;
  readonly #options: UpstreamOptions;

  constructor(clock: Clock, options: UpstreamOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  close(): void {
    for (const session of this.#sessions.values()) session.destroy();
    this.#sessions.clear();
  }

  async send(endpoint: Endpoint, wanted: UpstreamRequest, signal: AbortSignal): Promise<Attempt> {
    let session: ClientHttp2Session;
    try {
      session = await this.#session(endpoint);
    } catch (error) {
      return { outcome: 'unreachable', error };
    }
    const { method, target, headers, body } = wanted;
    const others = objectOf(headers.filter(([name]) => name.toLowerCase() !== 'host'));
    const authority = headerOf(headers, 'host') ?? endpoint.authority;
    const pseudo = { ':method': method, ':path': target, ':scheme': 'http', ':authority': authority };
    // By this clients say that they understand trailers; it was for the connection before.
    const stream = session.request({ ...pseudo, ...others, te: 'trailers' }, { endStream: body === undefined, signal });
    const answer = this.#answered(stream);
    body?.pipe(stream);
    const attempt = await answer;
    if (attempt.outcome !== 'answered') body?.unpipe(stream);
    return attempt;
  }

  async #session({ authority, lookup }: Endpoint): Promise<ClientHttp2Session> {
    const known = this.#sessions.get(authority);
    if (known && !known.closed && !known.destroyed) return known;
    const session = connect(`http://${authority}`, lookup && { lookup });
    const opened = Promise.withResolvers<void>();
    const { connectTimeoutMs } = this.#options;
    const late = this.#clock.after(connectTimeoutMs, () =>
      session.destroy(new Error(`no connection within ${connectTimeoutMs} ms`)),
    );
    const forget = (): void => {
      if (this.#sessions.get(authority) === session) this.#sessions.delete(authority);
    };
    session.on('error', (error) => opened.reject(error)).on('goaway', forget);
    session
      .once('connect', () => opened.resolve())
      .once('close', () => {
        forget();
        opened.reject(new Error('the connection was closed'));
      });
    try {
      await opened.promise;
    } finally {
      late[Symbol.dispose]();
    }
    this.#sessions.set(authority, session);
    return session;
  }

  #answered(stream: ClientHttp2Stream): Promise<Attempt> {
    const { idleTimeoutMs } = this.#options;
    return new Promise((resolve) => {
      let trailers: HeaderPairs = [];
      stream.setTimeout(idleTimeoutMs, () => stream.destroy(new IdleTimeout(idleTimeoutMs)));
      stream.on('trailers', (headers) => (trailers = pairsOfObject(headers)));
      stream.on('error', (error) => resolve({ outcome: error instanceof IdleTimeout ? 'timeout' : 'failed', error }));
      stream.once('close', () => resolve({ outcome: 'failed', error: new Error('the request was not answered') }));
      stream.once('response', (headers) => {
        const status = headers[':status'] ?? 502;
        const response = { status, headers: pairsOfObject(headers), body: stream, trailers: () => trailers };
        resolve({ outcome: 'answered', response });
      });
    });
  }
}

function pairsOfObject(headers: IncomingHttpHeaders): HeaderPairs {
  return Object.entries(headers).flatMap(([name, value]) => {
    if (name.startsWith(':') || value === undefined) return [];
    return (Array.isArray(value) ? value : [value]).map((each) => [name, each] as const);
  });
}
