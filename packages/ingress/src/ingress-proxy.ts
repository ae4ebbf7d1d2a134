import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { errorMessage, type Clock } from '@keelson/base';
import { CLIENT_CLOSED, type AccessEntry } from './access-log.ts';
import type { Backend, Endpoint } from './backends/backend.ts';
import { headerOf, pairsOf, type Exchange, type HeaderPairs } from './clients/exchange.ts';
import { flow } from './flow.ts';
import { endToEnd, forwardedHeaders, hostOf, type ForwardingOptions } from './headers.ts';
import type { Route, RoutingTable } from './routing/routing-table.ts';
import type { Http1Upstream, UpgradeAttempt } from './upstreams/http1-upstream.ts';
import type { Attempt, Upstream, UpstreamRequest, UpstreamResponse } from './upstreams/upstream.ts';

export interface IngressProxyDependencies {
  /** The newest one. */
  readonly routes: () => RoutingTable;
  readonly backends: { get(key: string): Backend | undefined };
  readonly http1: Http1Upstream;
  readonly http2: Upstream;
  readonly clock: Clock;
  /** Told of each request when it is over. */
  readonly observe: (entry: AccessEntry) => void;
}

export interface IngressProxyOptions extends ForwardingOptions {
  /** Where clients without TLS are sent to; what is 443 is not said. */
  readonly httpsPort: () => number;
}

/** Requests that may be sent twice, by RFC 9110, 9.2.1. */
const HARMLESS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);
const MOST_TRIES = 3;

/** How a request went on its way; filled in as it goes. */
interface Journey {
  route?: Route;
  endpoint?: Endpoint;
  retries: number;
  status: number;
  error?: string;
}

type Reached<A> = { readonly attempt: A } | { readonly status: number };

/** Hot path: sends requests to the endpoints that routes lead to, and their answers back, without holding more of a body than a buffer. */
export class IngressProxy {
  readonly #deps: IngressProxyDependencies;
  readonly #options: IngressProxyOptions;

  constructor(deps: IngressProxyDependencies, options: IngressProxyOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** Never rejects. */
  async serve(exchange: Exchange): Promise<void> {
    await this.#observed(exchange, async (journey, signal) => {
      const backend = this.#backendOf(exchange, journey);
      if (!backend) return;
      const request: UpstreamRequest = {
        method: exchange.method,
        target: exchange.target,
        headers: forwardedHeaders(exchange, this.#options),
        body: exchange.hasBody ? exchange.body : undefined,
      };
      const upstream = backend.protocol === 'h2c' ? this.#deps.http2 : this.#deps.http1;
      const send = (endpoint: Endpoint): Promise<Attempt> => upstream.send(endpoint, request, signal);
      const reached = await this.#reach(backend, journey, { send, maySendTwice: isHarmless(exchange), signal });
      await this.#finish(exchange, journey, reached);
    });
  }

  /** A request to change protocols. `exchange` answers on the socket of the client, if the backend does not change them. Never rejects. */
  async upgrade(exchange: Exchange, client: Duplex, head: Buffer): Promise<void> {
    await this.#observed(exchange, async (journey, signal) => {
      const backend = this.#backendOf(exchange, journey);
      if (!backend) return;
      const upgrade = headerOf(exchange.headers, 'upgrade') ?? '';
      const change: HeaderPairs = [
        ['Connection', 'Upgrade'],
        ['Upgrade', upgrade],
      ];
      const headers = [...forwardedHeaders(exchange, this.#options), ...change];
      const request = { method: exchange.method, target: exchange.target, headers, body: undefined };
      const send = (endpoint: Endpoint): Promise<UpgradeAttempt> => this.#deps.http1.upgrade(endpoint, request, signal);
      const reached = await this.#reach(backend, journey, { send, maySendTwice: false, signal });
      if (!('attempt' in reached) || reached.attempt.outcome !== 'switched') return this.#finish(exchange, journey, reached);
      journey.status = 101;
      const { response, socket } = reached.attempt;
      client.write(switchingText(response));
      if (reached.attempt.head.length > 0) client.write(reached.attempt.head);
      if (head.length > 0) socket.write(head);
      await join(client, socket);
    });
  }

  async #observed(exchange: Exchange, serve: (journey: Journey, signal: AbortSignal) => Promise<void>): Promise<void> {
    const { clock, observe } = this.#deps;
    const [time, startedAtMs] = [new Date(clock.now()).toISOString(), clock.monotonic()];
    const journey: Journey = { retries: 0, status: CLIENT_CLOSED };
    const gone = new AbortController();
    let isOver = false;
    exchange.onClose(() => isOver || gone.abort(new Error('the client is gone')));
    try {
      await serve(journey, gone.signal);
    } catch (error) {
      // Too late for another answer.
      journey.error = errorMessage(error);
      exchange.abort();
    }
    isOver = true;
    const { route, endpoint, retries, status, error } = journey;
    observe({
      time,
      remoteAddress: exchange.remoteAddress,
      method: exchange.method,
      host: exchange.authority,
      target: exchange.target,
      protocol: exchange.protocol,
      status,
      durationMs: clock.monotonic() - startedAtMs,
      retries,
      ...(route && { ingress: `${route.namespace}/${route.ingress}` }),
      ...(route?.backend !== undefined && { backend: route.backend }),
      ...(endpoint && { endpoint: endpoint.authority }),
      ...(error !== undefined && { error }),
    });
  }

  /** Undefined if there is none, or another place to go to: then the request is answered. */
  #backendOf(exchange: Exchange, journey: Journey): Backend | undefined {
    const host = hostOf(exchange.authority);
    if (host === undefined) return answer(exchange, journey, 400);
    const route = this.#deps.routes().match(host, pathOf(exchange.target));
    if (!route) return answer(exchange, journey, 404);
    journey.route = route;
    if (route.redirectsToHttps && !exchange.isEncrypted) {
      const port = this.#options.httpsPort();
      const location = `https://${host}${port === 443 ? '' : `:${port}`}${exchange.target}`;
      return answer(exchange, journey, 308, [['Location', location]]);
    }
    const backend = route.backend === undefined ? undefined : this.#deps.backends.get(route.backend);
    if (!backend || backend.endpoints.length === 0) return answer(exchange, journey, 503);
    return backend;
  }

  /** Tries endpoints until one answers, or gives the status that says why none did. */
  async #reach<A extends Attempt | UpgradeAttempt>(
    backend: Backend,
    journey: Journey,
    { send, maySendTwice, signal }: { send: (endpoint: Endpoint) => Promise<A>; maySendTwice: boolean; signal: AbortSignal },
  ): Promise<Reached<A>> {
    const tried: Endpoint[] = [];
    for (let tries = 1; ; tries += 1) {
      const endpoint = backend.pick(tried);
      if (!endpoint) return { status: 502 };
      const attempt = await send(endpoint);
      if (signal.aborted) return { status: CLIENT_CLOSED };
      journey.endpoint = endpoint;
      if (attempt.outcome === 'answered' || attempt.outcome === 'switched') return { attempt };
      journey.error = errorMessage(attempt.error);
      if (attempt.outcome === 'unreachable') {
        backend.failed(endpoint);
        tried.push(endpoint);
      } else if (attempt.outcome !== 'stale' || !maySendTwice) return { status: attempt.outcome === 'timeout' ? 504 : 502 };
      if (tries === MOST_TRIES) return { status: 502 };
      journey.retries += 1;
    }
  }

  async #finish(exchange: Exchange, journey: Journey, reached: Reached<Attempt | UpgradeAttempt>): Promise<void> {
    if ('attempt' in reached && reached.attempt.outcome === 'answered') {
      delete journey.error;
      journey.status = reached.attempt.response.status;
      await deliver(exchange, reached.attempt.response);
    } else if ('status' in reached && reached.status !== CLIENT_CLOSED) {
      answer(exchange, journey, reached.status);
    }
  }
}

function isHarmless({ method, hasBody }: Exchange): boolean {
  return HARMLESS.has(method) && !hasBody;
}

function pathOf(target: string): string {
  const query = target.indexOf('?');
  return query < 0 ? target : target.slice(0, query);
}

/** An answer of our own. */
function answer(exchange: Exchange, journey: Journey, status: number, headers: HeaderPairs = []): undefined {
  journey.status = status;
  const text = `${status} ${STATUS_CODES[status] ?? ''}\n`;
  const about: HeaderPairs = [
    ['Content-Type', 'text/plain; charset=utf-8'],
    ['Content-Length', `${text.length}`],
  ];
  const out = exchange.respond(status, [...about, ...headers]);
  if (!out.writableEnded) out.end(exchange.method === 'HEAD' ? undefined : text);
  if (exchange.hasBody) exchange.body.resume();
}

async function deliver(exchange: Exchange, response: UpstreamResponse): Promise<void> {
  const hasTrailers = exchange.protocol === 'HTTP/2.0' || headerOf(response.headers, 'trailer') !== undefined;
  const trailers = hasTrailers ? () => response.trailers() : undefined;
  const out = exchange.respond(response.status, endToEnd(response.headers), trailers);
  // Answers without a body are complete already.
  if (out.writableEnded) response.body.resume();
  else await flow(response.body, out);
}

function switchingText(response: IncomingMessage): string {
  const lines = pairsOf(response.rawHeaders).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 101 ${response.statusMessage ?? ''}\r\n${lines.join('')}\r\n`;
}

/** Until both have ended. Either side may end first and still be told more. */
async function join(client: Duplex, socket: Duplex): Promise<void> {
  // With those of Node's server, the listeners of both directions are more than the ten that it takes for a leak.
  client.setMaxListeners(2 * client.getMaxListeners());
  await Promise.all([pipeline(client, socket), pipeline(socket, client)]);
}
