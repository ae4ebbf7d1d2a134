import type { Clock } from '@keelson/base';
import { endpointText, type ProxyEndpoint } from '../endpoints.ts';
import type { ServicePort } from '../service-map.ts';

/** Which of a service port's endpoints are meant. */
export type EndpointScope = 'cluster' | 'local';

/** Clients that are remembered for each service port; past that the one that was away longest is forgotten. */
const MOST_CLIENTS = 10_000;

interface Affinity {
  readonly endpoint: string;
  readonly usedAtMs: number;
}

export interface BalancerDependencies {
  readonly clock: Clock;
  /** Whether an endpoint is an address that this proxy itself serves: what goes there would come back for ever. */
  readonly isOwn?: (endpoint: ProxyEndpoint) => boolean;
}

/**
 * Chooses endpoints for one service port: in turn, or with ClientIP affinity the one that the client had before. The affinity is one for
 * all ways to the service, so that a client gets to the same endpoint by cluster IP and by node port.
 *
 * Hot path: one call for each TCP connection and each new UDP flow; constant time but for endpoints that were tried already.
 */
export class Balancer {
  readonly #clock: Clock;
  readonly #isOwn: (endpoint: ProxyEndpoint) => boolean;
  readonly #clients = new Map<string, Affinity>();
  readonly #turn: Record<EndpointScope, number> = { cluster: 0, local: 0 };
  #port: ServicePort;
  #texts: Readonly<Record<EndpointScope, ReadonlyMap<string, ProxyEndpoint>>>;

  constructor({ clock, isOwn = () => false }: BalancerDependencies, port: ServicePort) {
    this.#clock = clock;
    this.#isOwn = isOwn;
    this.#port = port;
    this.#texts = textsOf(port);
  }

  /** From now on chooses among the endpoints of `port`. */
  update(port: ServicePort): void {
    this.#port = port;
    this.#texts = textsOf(port);
    if (port.affinitySeconds === undefined) this.#clients.clear();
    for (const [client, { endpoint }] of this.#clients) if (!this.#hasText(endpoint)) this.#clients.delete(client);
  }

  has(endpoint: ProxyEndpoint): boolean {
    return this.#hasText(endpointText(endpoint));
  }

  /** An endpoint that is not in `tried`; undefined if there is none. */
  pick(client: string, scope: EndpointScope, tried: readonly ProxyEndpoint[] = []): ProxyEndpoint | undefined {
    const isFree = (one: ProxyEndpoint): boolean =>
      !this.#isOwn(one) && !tried.some((other) => endpointText(other) === endpointText(one));
    const known = this.#remembered(client, scope);
    const endpoint = known && isFree(known) ? known : this.#next(scope, isFree);
    if (endpoint) this.#remember(client, endpoint);
    return endpoint;
  }

  #hasText(text: string): boolean {
    return this.#texts.cluster.has(text) || this.#texts.local.has(text);
  }

  #next(scope: EndpointScope, isFree: (one: ProxyEndpoint) => boolean): ProxyEndpoint | undefined {
    const endpoints = scope === 'local' ? this.#port.localEndpoints : this.#port.clusterEndpoints;
    for (let step = 0; step < endpoints.length; step++) {
      const endpoint = endpoints[this.#turn[scope]++ % endpoints.length];
      if (endpoint && isFree(endpoint)) return endpoint;
    }
    return undefined;
  }

  #remembered(client: string, scope: EndpointScope): ProxyEndpoint | undefined {
    const known = this.#clients.get(client);
    if (!known || this.#port.affinitySeconds === undefined) return undefined;
    const isOver = this.#clock.monotonic() - known.usedAtMs > this.#port.affinitySeconds * 1000;
    return isOver ? undefined : this.#texts[scope].get(known.endpoint);
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

function textsOf({ clusterEndpoints, localEndpoints }: ServicePort): Record<EndpointScope, ReadonlyMap<string, ProxyEndpoint>> {
  const byText = (endpoints: readonly ProxyEndpoint[]) => new Map(endpoints.map((one) => [endpointText(one), one]));
  return { cluster: byText(clusterEndpoints), local: byText(localEndpoints) };
}
