import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '@keelson/base';
import type { ProxyEndpoint } from '../endpoints.ts';
import type { ListenAddress, Listener, Route } from './route.ts';
import { connectTo, join, reset, track } from './tcp-relay.ts';

/** An endpoint that does not answer for that long is left for the next one. */
const CONNECT_TIMEOUT_MS = 2_000;
/** Endpoints that are tried for one connection. */
const MOST_TRIES = 5;

export interface TcpListenerDependencies {
  readonly clock: Clock;
  /** Both ends of every connection, as long as it is open. They outlive the listener; the owner of this set ends them. */
  readonly sockets: Set<Socket>;
}

/** Takes TCP connections of one service address and joins each one with a connection to an endpoint. */
export class TcpListener implements Listener {
  readonly address: string;
  route: Route;
  readonly #deps: TcpListenerDependencies;
  readonly #server: Server;

  private constructor(address: string, route: Route, deps: TcpListenerDependencies) {
    this.address = address;
    this.route = route;
    this.#deps = deps;
    // Paused, so that no byte is read before there is somewhere to send it.
    this.#server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true, keepAlive: true }, (client) => {
      void this.#serve(client);
    });
  }

  /** Rejects with Node's error if the address can't be listened on. */
  static async open(at: ListenAddress, route: Route, deps: TcpListenerDependencies): Promise<TcpListener> {
    const listener = new TcpListener(at.address, route, deps);
    const server = listener.#server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: at.address, port: at.port, exclusive: true, backlog: 1024 }, () => {
        server.off('error', reject);
        // What can still come is an accept() that failed: that connection is lost, the listener is not.
        server.on('error', () => undefined);
        resolve();
      });
    });
    return listener;
  }

  close(): Promise<void> {
    // Its callback would come only after the last connection; listening ends at once.
    this.#server.close();
    return Promise.resolve();
  }

  endpointsChanged(): void {
    // Connections stay with their endpoint: it may be ending, and is then given the time to end them itself.
  }

  /** Never rejects. */
  async #serve(client: Socket): Promise<void> {
    track(client, this.#deps.sockets);
    const upstream = await this.#connect(client);
    if (upstream) join(client, upstream);
    else reset(client);
  }

  async #connect(client: Socket): Promise<Socket | undefined> {
    const { route } = this;
    const { remoteAddress } = client;
    if (remoteAddress === undefined || !route.admits(remoteAddress)) return undefined;
    const tried: ProxyEndpoint[] = [];
    while (tried.length < MOST_TRIES && !client.destroyed) {
      const endpoint = route.balancer.pick(remoteAddress, route.scope, tried);
      const socket = endpoint && (await connectTo(endpoint, { ...this.#deps, timeoutMs: CONNECT_TIMEOUT_MS }));
      if (!endpoint || socket) return socket;
      tried.push(endpoint);
    }
    return undefined;
  }
}
