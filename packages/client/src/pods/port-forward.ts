import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { openPortForward, PORT_FORWARD_PROTOCOLS, type PortForwardSession } from '@keelson/streaming';
import { type Api, podCall, type PodName, transportOf } from './pod-call.ts';

export interface PortForwardOptions extends PodName {
  /** Of the pod. */
  readonly port: number;
}

export interface ListenOptions {
  /** Default: any that is free. */
  readonly port?: number;
  /** Default `127.0.0.1`. */
  readonly host?: string;
  /** Called with why a connection could not be forwarded, or broke. */
  readonly onError?: (error: unknown) => void;
}

/** Ways to a port of a pod, through the API server. */
export interface PortForward extends AsyncDisposable {
  /** A new connection to the port. It fails with a `KeelsonError` if nobody listens there. */
  connect(): Promise<Duplex>;
  /** Listens here, and forwards each connection. Gives the port on which it listens. */
  listen(options?: ListenOptions): Promise<number>;
  /** Ends all connections and listeners. */
  close(): Promise<void>;
}

/** Opens the way to a port of a pod. Rejects with the server's reason, such as `NotFound`. */
export async function portForward(api: Api, options: PortForwardOptions): Promise<PortForward> {
  const { port, signal } = options;
  const open = async (): Promise<PortForwardSession> => {
    const call = podCall(options, 'portforward', { ports: port });
    const { connection, protocol } = await transportOf(api).upgrade(call, PORT_FORWARD_PROTOCOLS);
    return openPortForward({ socket: connection, protocol });
  };
  return new PodPortForward({ open, port, first: await open(), ...(signal && { signal }) });
}

interface Dependencies {
  readonly open: () => Promise<PortForwardSession>;
  readonly port: number;
  readonly first: PortForwardSession;
  readonly signal?: AbortSignal;
}

class PodPortForward implements PortForward {
  readonly #deps: Dependencies;
  readonly #sessions = new Set<PortForwardSession>();
  readonly #listeners = new Set<Server>();
  readonly #sockets = new Set<Socket>();
  /** The session that takes the next connection, unless it is over by then. */
  #next: PortForwardSession | undefined;
  readonly #onAbort = (): void => void this.close();

  constructor(deps: Dependencies) {
    this.#deps = deps;
    this.#next = this.#kept(deps.first);
    deps.signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  async connect(): Promise<Duplex> {
    const session = this.#next ?? this.#kept(await this.#deps.open());
    this.#next = session.isShared ? session : undefined;
    return session.connect(this.#deps.port);
  }

  async listen({ port = 0, host = '127.0.0.1', onError = () => undefined }: ListenOptions = {}): Promise<number> {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      this.#join(socket).catch(onError);
    });
    this.#listeners.add(server);
    server.listen(port, host);
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#deps.signal?.removeEventListener('abort', this.#onAbort);
    for (const server of this.#listeners) server.close();
    for (const socket of this.#sockets) socket.destroy();
    const sessions = [...this.#sessions];
    for (const session of sessions) session.close();
    await Promise.all(sessions.map(({ closed }) => closed));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #join(socket: Socket): Promise<void> {
    try {
      await pipeline(socket, await this.connect(), socket);
    } finally {
      socket.destroy();
    }
  }

  #kept(session: PortForwardSession): PortForwardSession {
    this.#sessions.add(session);
    void session.closed.then(() => {
      this.#sessions.delete(session);
      if (this.#next === session) this.#next = undefined;
    });
    return session;
  }
}
