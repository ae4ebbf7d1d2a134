import { Agent, request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '@keelson/base';
import type { Endpoint } from '../backends/backend.ts';
import { headerOf, pairsOf } from '../clients/exchange.ts';
import { IdleTimeout, type Attempt, type Upstream, type UpstreamOptions, type UpstreamRequest } from './upstream.ts';

/** Below the 5 s after which Node's servers, and longer ones by others, close idle connections: else each close is a race. */
const FREE_SOCKET_MS = 4_000;
const MOST_FREE_SOCKETS = 64;

/** What a backend said to a request to change protocols. */
export type UpgradeAttempt =
  | { readonly outcome: 'switched'; readonly response: IncomingMessage; readonly socket: Duplex; readonly head: Buffer }
  | Attempt;

/** Endpoints that speak HTTP/1.1, on connections that are kept. */
export class Http1Upstream implements Upstream {
  readonly #agent = new Agent({
    keepAlive: true,
    timeout: FREE_SOCKET_MS,
    maxFreeSockets: MOST_FREE_SOCKETS,
    scheduling: 'lifo',
  });
  readonly #clock: Clock;
  readonly #options: UpstreamOptions;

  constructor(clock: Clock, options: UpstreamOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  close(): void {
    this.#agent.destroy();
  }

  async send(endpoint: Endpoint, wanted: UpstreamRequest, signal: AbortSignal): Promise<Attempt> {
    const request = this.#open(endpoint, wanted, signal, this.#agent);
    const unreachable = await this.#connected(request);
    if (unreachable) return unreachable;
    const answer = this.#answered(request);
    if (wanted.body) wanted.body.pipe(request);
    else request.end();
    const attempt = await answer;
    if (attempt.outcome !== 'answered') wanted.body?.unpipe(request);
    return attempt;
  }

  /** As `send`, for requests with `Upgrade`; these get a connection of their own. */
  async upgrade(endpoint: Endpoint, wanted: UpstreamRequest, signal: AbortSignal): Promise<UpgradeAttempt> {
    const request = this.#open(endpoint, wanted, signal, false);
    const unreachable = await this.#connected(request);
    if (unreachable) return unreachable;
    const switched = Promise.withResolvers<UpgradeAttempt>();
    request.once('upgrade', (response, socket, head) => {
      socket.setTimeout(0);
      switched.resolve({ outcome: 'switched', response, socket, head });
    });
    const answer = this.#answered(request);
    request.end();
    return Promise.race([switched.promise, answer]);
  }

  #open(endpoint: Endpoint, { method, target, headers, body }: UpstreamRequest, signal: AbortSignal, agent: Agent | false) {
    const raw = headers.flat();
    const isChunked = body !== undefined && headerOf(headers, 'content-length') === undefined;
    if (isChunked) raw.push('Transfer-Encoding', 'chunked');
    const { address: host, port, lookup } = endpoint;
    const options = { agent, host, port, method, path: target, headers: raw, setHost: false, signal };
    return httpRequest(lookup ? { ...options, lookup } : options);
  }

  /** Undefined once there is a connection. */
  #connected(request: ClientRequest): Promise<Attempt | undefined> {
    const { connectTimeoutMs } = this.#options;
    return new Promise((resolve) => {
      const late = this.#clock.after(connectTimeoutMs, () =>
        request.destroy(new Error(`no connection within ${connectTimeoutMs} ms`)),
      );
      const done = (attempt?: Attempt): void => {
        late[Symbol.dispose]();
        request.off('error', onError);
        resolve(attempt);
      };
      const onError = (error: unknown): void => {
        // More may follow.
        request.on('error', () => undefined);
        done({ outcome: 'unreachable', error });
      };
      request.on('error', onError);
      request.once('socket', (socket) => {
        if (socket.connecting) socket.once('connect', () => done());
        else done();
      });
    });
  }

  #answered(request: ClientRequest): Promise<Attempt> {
    const { idleTimeoutMs } = this.#options;
    return new Promise((resolve) => {
      request.setTimeout(idleTimeoutMs, () => request.destroy(new IdleTimeout(idleTimeoutMs)));
      request.on('error', (error: NodeJS.ErrnoException) => {
        if (error instanceof IdleTimeout) resolve({ outcome: 'timeout', error });
        else resolve({ outcome: request.reusedSocket ? 'stale' : 'failed', error });
      });
      request.once('response', (response) => resolve({ outcome: 'answered', response: responseOf(response) }));
    });
  }
}

function responseOf(response: IncomingMessage) {
  return {
    status: response.statusCode ?? 502,
    headers: pairsOf(response.rawHeaders),
    body: response,
    trailers: () => pairsOf(response.rawTrailers),
  };
}
