import { silentLogger, SystemClock, type Clock, type Logger } from '@keelson/base';
import type { Transport } from '@keelson/client';
import { MemoryStore, type Store } from '@keelson/store';
import { ApiServer, type ApiServerExtensions, type ApiServerOptions } from './api-server.ts';
import { HttpFrontend, type HttpFrontendOptions } from './http/http-frontend.ts';
import type { UserInfo } from './registry/strategy.ts';
import { openAccess } from './test-support/open-access.ts';

export interface TestApiServerOptions extends ApiServerExtensions {
  /** A `MemoryStore` if absent. It is closed with the server. */
  readonly store?: Store;
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly server?: ApiServerOptions;
  /** Serve HTTP too, on any free port of 127.0.0.1; with TLS if the options say so. */
  readonly http?: HttpFrontendOptions | true;
  /** Give each of the namespaces its service account `default`, without which it can have no pods. Default true. */
  readonly serviceAccounts?: boolean;
  /** Namespaces to begin with. `default`, `kube-system`, `kube-public` and `kube-node-lease` if absent. */
  readonly namespaces?: readonly string[];
}

export interface TestApiServer extends AsyncDisposable {
  /** Of the HTTP front end, if there is one. */
  readonly url: string | undefined;
  readonly server: ApiServer;
  readonly store: Store;
  /** As a member of `system:masters`. */
  readonly transport: Transport;
  close(): Promise<void>;
}

const ADMIN: UserInfo = { name: 'test-admin', groups: ['system:masters', 'system:authenticated'] };
const NAMESPACES = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

/** A real API server over a store in memory, in a few milliseconds, with no controllers, for tests. It issues service account tokens. */
export async function startTestApiServer(options: TestApiServerOptions = {}): Promise<TestApiServer> {
  const { clock = new SystemClock(), logger = silentLogger, namespaces = NAMESPACES, ...extensions } = options;
  const store = options.store ?? new MemoryStore({ clock });
  const server = new ApiServer({ ...extensions, store, clock, logger }, options.server);
  await server.start(new AbortController().signal);
  const transport = server.transport(ADMIN);
  // Behind what was given: whoever brings an issuer or reviews of their own is asked first.
  const { tokenIssuer, ...access } = openAccess({ clock, transport: () => transport }, options.authorizer);
  server.extend(options.tokenIssuer ? access : { ...access, tokenIssuer });
  for (const name of namespaces) {
    await transport.request({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name } } });
  }
  for (const name of namespaces) {
    if (options.serviceAccounts === false) break;
    const path = `/api/v1/namespaces/${name}/serviceaccounts`;
    await transport.request({ method: 'POST', path, body: { metadata: { name: 'default' } } });
  }
  const frontend = options.http === undefined ? undefined : new HttpFrontend(server, options.http === true ? {} : options.http);
  await frontend?.start(new AbortController().signal);
  const close = async (): Promise<void> => {
    await server.stop();
    await frontend?.stop();
    await store.close();
  };
  return { server, store, transport, url: frontend?.url, close, [Symbol.asyncDispose]: close };
}
