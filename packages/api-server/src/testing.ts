import { silentLogger, SystemClock, type Clock, type Logger } from '@keelson/base';
import type { Transport } from '@keelson/client';
import { MemoryStore, type Store } from '@keelson/store';
import { ApiServer, type ApiServerExtensions, type ApiServerOptions } from './api-server.ts';
import type { UserInfo } from './registry/strategy.ts';

export interface TestApiServerOptions extends ApiServerExtensions {
  /** A `MemoryStore` if absent. It is closed with the server. */
  readonly store?: Store;
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly server?: ApiServerOptions;
  /** Namespaces to begin with. `default`, `kube-system`, `kube-public` and `kube-node-lease` if absent. */
  readonly namespaces?: readonly string[];
}

export interface TestApiServer extends AsyncDisposable {
  readonly server: ApiServer;
  readonly store: Store;
  /** As a member of `system:masters`. */
  readonly transport: Transport;
  close(): Promise<void>;
}

const ADMIN: UserInfo = { name: 'test-admin', groups: ['system:masters', 'system:authenticated'] };
const NAMESPACES = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

/** A real API server over a store in memory, in a few milliseconds, with no controllers, for tests. */
export async function startTestApiServer(options: TestApiServerOptions = {}): Promise<TestApiServer> {
  const { clock = new SystemClock(), logger = silentLogger, namespaces = NAMESPACES, ...extensions } = options;
  const store = options.store ?? new MemoryStore({ clock });
  const server = new ApiServer({ ...extensions, store, clock, logger }, options.server);
  const transport = server.transport(ADMIN);
  for (const name of namespaces) {
    await transport.request({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name } } });
  }
  const close = async (): Promise<void> => {
    await server.stop();
    await store.close();
  };
  return { server, store, transport, close, [Symbol.asyncDispose]: close };
}
