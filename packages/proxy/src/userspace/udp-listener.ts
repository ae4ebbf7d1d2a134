import type { RemoteInfo, Socket } from 'node:dgram';
import type { Clock } from '@keelson/base';
import type { ProxyEndpoint } from '../endpoints.ts';
import type { ListenAddress, Listener, Route } from './route.ts';
import { UdpFlow } from './udp-flow.ts';
import { createUdpSocket } from './udp-socket.ts';

export interface UdpListenerDependencies {
  readonly clock: Clock;
  /** A flow without a packet for that long ends. */
  readonly idleMs: number;
  /** Flows that one listener keeps; past that, the one that was idle longest ends. */
  readonly mostFlows: number;
}

/** Takes UDP packets of one service address. Each client's address and port is a flow with one endpoint and a socket of its own. */
export class UdpListener implements Listener {
  readonly address: string;
  route: Route;
  readonly #deps: UdpListenerDependencies;
  readonly #socket: Socket;
  /** In order of their last packet from the client. */
  readonly #flows = new Map<string, UdpFlow>();
  readonly #sweep: Disposable;

  private constructor(address: string, route: Route, deps: UdpListenerDependencies) {
    this.address = address;
    this.route = route;
    this.#deps = deps;
    this.#socket = createUdpSocket(address);
    this.#socket.on('message', (packet, from) => this.#fromClient(packet, from));
    this.#sweep = deps.clock.every(deps.idleMs / 2, () => this.#endIdle());
  }

  /** Rejects with Node's error if the address can't be listened on. */
  static async open(at: ListenAddress, route: Route, deps: UdpListenerDependencies): Promise<UdpListener> {
    const listener = new UdpListener(at.address, route, deps);
    const socket = listener.#socket;
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject);
        socket.bind({ address: at.address, port: at.port, exclusive: true }, () => {
          socket.off('error', reject);
          socket.on('error', () => undefined);
          resolve();
        });
      });
    } catch (error) {
      listener.#sweep[Symbol.dispose]();
      throw error;
    }
    return listener;
  }

  async close(): Promise<void> {
    this.#sweep[Symbol.dispose]();
    for (const key of this.#flows.keys()) this.#end(key);
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }

  /** Ends the flows to endpoints that are gone, so that the client's next packet gets to one that is there. */
  endpointsChanged(): void {
    for (const [key, flow] of this.#flows) if (!this.route.balancer.has(flow.endpoint)) this.#end(key);
  }

  #fromClient(packet: Buffer, from: RemoteInfo): void {
    const key = `${from.address} ${from.port}`;
    const flow = this.#flows.get(key) ?? this.#open(from, key);
    if (!flow) return;
    this.#flows.delete(key);
    this.#flows.set(key, flow);
    flow.send(packet);
  }

  #open(from: RemoteInfo, key: string, tried: readonly ProxyEndpoint[] = []): UdpFlow | undefined {
    const { route } = this;
    const endpoint = route.admits(from.address) ? route.balancer.pick(from.address, route.scope, tried) : undefined;
    if (!endpoint) return undefined;
    if (this.#flows.size >= this.#deps.mostFlows) this.#endOldest();
    const flow = new UdpFlow(endpoint, this.#deps.clock, {
      reply: (packet) => this.#socket.send(packet, from.port, from.address, () => undefined),
      failed: (unsent) => this.#failed(flow, { from, key, unsent, tried: [...tried, endpoint] }),
    });
    this.#flows.set(key, flow);
    return flow;
  }

  /** The endpoint has refused: the packets that were on their way go to the next one, those of an older flow are lost as UDP may lose them. */
  #failed(
    flow: UdpFlow,
    retry: { from: RemoteInfo; key: string; unsent: readonly Buffer[]; tried: readonly ProxyEndpoint[] },
  ): void {
    if (this.#flows.get(retry.key) !== flow) return;
    this.#end(retry.key);
    if (retry.unsent.length === 0) return;
    const next = this.#open(retry.from, retry.key, retry.tried);
    for (const packet of retry.unsent) next?.send(packet);
  }

  #endIdle(): void {
    const idleSinceMs = this.#deps.clock.monotonic() - this.#deps.idleMs;
    for (const [key, flow] of this.#flows) if (flow.usedAtMs <= idleSinceMs) this.#end(key);
  }

  #endOldest(): void {
    for (const key of this.#flows.keys()) {
      this.#end(key);
      return;
    }
  }

  #end(key: string): void {
    this.#flows.get(key)?.close();
    this.#flows.delete(key);
  }
}
