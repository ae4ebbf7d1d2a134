import type { Socket } from 'node:net';
import { errorMessage, type Clock } from '@keelson/base';
import { familyOf } from '../addresses.ts';
import type { ProxyEndpoint } from '../endpoints.ts';
import type { SyncProblem } from '../proxy-mode.ts';
import type { ServiceMap, ServicePort } from '../service-map.ts';
import { Balancer } from './balancer.ts';
import { frontEndId, type FrontEnd } from './front-ends.ts';
import type { Listener, Route } from './route.ts';
import { TcpListener } from './tcp-listener.ts';
import { UdpListener } from './udp-listener.ts';

export interface ListenersDependencies {
  readonly clock: Clock;
  readonly sockets: Set<Socket>;
  readonly idleMs: number;
  readonly mostFlows: number;
}

interface Open {
  readonly listener: Listener;
  readonly service: ServicePort;
}

/** The listeners of all front ends, and one balancer for each service port. */
export class Listeners {
  readonly #deps: ListenersDependencies;
  readonly #open = new Map<string, Open>();
  readonly #balancers = new Map<string, { readonly balancer: Balancer; service: ServicePort }>();

  constructor(deps: ListenersDependencies) {
    this.#deps = deps;
  }

  /** Closes all but those of `ids`. Returns whether there were any. */
  async closeOthers(ids: ReadonlySet<string>): Promise<boolean> {
    const others = [...this.#open].filter(([id]) => !ids.has(id));
    for (const [id] of others) this.#open.delete(id);
    await Promise.all(others.map(([, { listener }]) => listener.close()));
    return others.length > 0;
  }

  /** Closes all, and forgets which client went where. */
  async close(): Promise<void> {
    this.#balancers.clear();
    await this.closeOthers(new Set());
  }

  /** Opens what is missing and gives all of them the services as they are now. */
  async open(
    services: ServiceMap,
    frontEnds: readonly FrontEnd[],
  ): Promise<{ readonly changed: boolean; readonly problems: readonly SyncProblem[] }> {
    this.#updateBalancers(services);
    const owners = new Map<string, FrontEnd>();
    const problems: SyncProblem[] = [];
    for (const frontEnd of frontEnds) {
      const owner = owners.get(frontEnd.id);
      if (frontEnd.protocol === 'SCTP') continue;
      if (owner) problems.push(takenBy(frontEnd, owner));
      else owners.set(frontEnd.id, frontEnd);
    }
    const results = await Promise.all([...owners.values()].map((frontEnd) => this.#serve(frontEnd)));
    return {
      changed: results.some((result) => result !== false),
      problems: [...problems, ...results.filter((result) => typeof result === 'object')],
    };
  }

  #updateBalancers(services: ServiceMap): void {
    for (const key of this.#balancers.keys()) if (!services.has(key)) this.#balancers.delete(key);
    for (const service of services.values()) {
      const known = this.#balancers.get(service.key);
      if (!known) this.#balancers.set(service.key, { balancer: this.#balancerOf(service), service });
      else if (known.service !== service) known.balancer.update((known.service = service));
    }
  }

  #balancerOf(service: ServicePort): Balancer {
    const isOwn = ({ address, port }: ProxyEndpoint): boolean => this.#open.has(frontEndId(service.protocol, address, port));
    return new Balancer({ clock: this.#deps.clock, isOwn }, service);
  }

  /** Whether anything was different; or what went wrong. */
  async #serve(frontEnd: FrontEnd): Promise<boolean | SyncProblem> {
    const { id, service } = frontEnd;
    const open = this.#open.get(id);
    if (open?.service === service) return false;
    const route = this.#routeOf(frontEnd);
    if (open) {
      open.listener.route = route;
      open.listener.endpointsChanged();
      this.#open.set(id, { listener: open.listener, service });
      return true;
    }
    try {
      this.#open.set(id, { listener: await this.#listen(frontEnd, route), service });
      return true;
    } catch (error) {
      return listenProblem(frontEnd, error);
    }
  }

  #listen(frontEnd: FrontEnd, route: Route): Promise<Listener> {
    return frontEnd.protocol === 'UDP'
      ? UdpListener.open(frontEnd, route, this.#deps)
      : TcpListener.open(frontEnd, route, this.#deps);
  }

  #routeOf({ service, scope, clients }: FrontEnd): Route {
    const balancer = this.#balancers.get(service.key)?.balancer ?? this.#balancerOf(service);
    return { balancer, scope, admits: (client) => clients === undefined || clients.check(client, familyOf(client)) };
  }
}

function takenBy({ service, address, port, protocol }: FrontEnd, owner: FrontEnd): SyncProblem {
  const message = `${protocol} ${address} port ${port} is not served: ${owner.service.key} has it already`;
  return { service: service.key, message, lasting: true };
}

function listenProblem({ service, address, port, protocol }: FrontEnd, error: unknown): SyncProblem {
  const message = `${protocol} ${address} port ${port} is not served: ${reasonOf(error)}`;
  return { service: service.key, message, lasting: error instanceof Error && 'code' in error && error.code === 'EACCES' };
}

function reasonOf(error: unknown): string {
  switch (error instanceof Error && 'code' in error ? error.code : undefined) {
    case 'EADDRINUSE':
      return 'another program listens there';
    case 'EACCES':
      return 'ports under 1024 need root or CAP_NET_BIND_SERVICE';
    default:
      return errorMessage(error);
  }
}
