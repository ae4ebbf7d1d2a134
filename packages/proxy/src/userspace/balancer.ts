import type { Clock } from '@keelson/base';
import type { ProxyEndpoint } from '../endpoints.ts';
import { endpointText } from '../endpoints.ts';
import type { ServicePort } from '../service-map.ts';

/** Which of a service port's endpoints are meant. */
export type EndpointScope = 'cluster' | 'local';

/** Clients that are remembered for each service port; past that the one that was away longest is forgotten. */
const MOST_CLIENTS = 10_000;

interface Affinity {
  readonly endpoint: string;
  readonly usedAtMs: number;
}

/**
 * Chooses endpoints for one service port: in turn, or with ClientIP affinity the one that the client had before. The affinity is one for
 * all ways to the service, so that a client gets to the same endpoint by cluster IP and by node port.
 *
 * Hot path: one call for each TCP connection and each new UDP flow; constant time but for endpoints that were tried already.
 */
export class Balancer {
  readonly #clock: Clock;
  readonly #clients = new Map<string, Affinity>();
  readonly #turn: Record<EndpointScope, number> = { cluster: 0, local: 0 };
  #port: ServicePort;
  #texts: ReadonlyMap<string, ProxyEndpoint>;

  constructor(clock: Clock, port: ServicePort) {
    this.#clock = clock;
    this.#port = port;
    this.#texts = new Map();
    this.update(port);
  }

  /** From now on chooses among the endpoints of `port`. */
  update(port: ServicePort): void {
    this.#port = port;
    this.#texts = new Map([...port.clusterEndpoints, ...port.localEndpoints].map((one) => [endpointText(one), one]));
    if (port.affinitySeconds === undefined) this.#clients.clear();
    for (const [client, { endpoint }] of this.#clients) if (!this.#texts.has(endpoint)) this.#clients.delete(client);
  }

  has(endpoint: ProxyEndpoint): boolean {
    return this.#texts.has(endpointText(endpoint));
  }

  /** An endpoint that is not in `tried`; undefined if there is none. */
  pick(client: string, scope: EndpointScope, tried: readonly ProxyEndpoint[] = []): ProxyEndpoint | undefined {
    const endpoints = scope === 'local' ? this.#port.localEndpoints : this.#port.clusterEndpoints;
    const isFree = (one: ProxyEndpoint): boolean => !tried.some((other) => endpointText(other) === endpointText(one));
    const known = this.#remembered(client);
    const endpoint =
      known && isFree(known) && (scope === 'cluster' || known.local) ? known : this.#next(endpoints, scope, isFree);
    if (endpoint) this.#remember(client, endpoint);
    return endpoint;
  }

  #next(
    endpoints: readonly ProxyEndpoint[],
    scope: EndpointScope,
    isFree: (one: ProxyEndpoint) => boolean,
  ): ProxyEndpoint | undefined {
    for (let step = 0; step < endpoints.length; step++) {
      const endpoint = endpoints[this.#turn[scope]++ % endpoints.length];
      if (endpoint && isFree(endpoint)) return endpoint;
    }
    return undefined;
  }

  #remembered(client: string): ProxyEndpoint | undefined {
    const known = this.#clients.get(client);
    if (!known || this.#port.affinitySeconds === undefined) return undefined;
    const isOver = this.#clock.monotonic() - known.usedAtMs > this.#port.affinitySeconds * 1000;
    return isOver ? undefined : this.#texts.get(known.endpoint);
  }

  #remember(client: string, endpoint: ProxyEndpoint): void {
    if (this.#port.affinitySeconds === undefined) return;
    // The order of a Map is that of insertion: the first one was away longest.
    this.#clients.delete(client);
    this.#clients.set(client, { endpoint: endpointText(endpoint), usedAtMs: this.#clock.monotonic() });
    if (this.#clients.size <= MOST_CLIENTS) return;
    for (const oldest of this.#clients.keys()) {
      this.#clients.delete(oldest);
      return;
    }
  }
}
