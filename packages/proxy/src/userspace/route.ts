import type { Balancer, EndpointScope } from './balancer.ts';

/** What a listener asks when a client comes. It may change while the listener runs. */
export interface Route {
  readonly balancer: Balancer;
  readonly scope: EndpointScope;
  /** Whether clients of this address may come in. */
  admits(client: string): boolean;
}

/** A socket that takes in a service's traffic on one address and port. */
export interface Listener {
  readonly address: string;
  route: Route;
  /** No new traffic. TCP connections that are there go on; UDP flows end. */
  close(): Promise<void>;
  /** The endpoints of the route have changed. */
  endpointsChanged(): void;
}

/** Where a listener sits. */
export interface ListenAddress {
  readonly address: string;
  readonly port: number;
}
