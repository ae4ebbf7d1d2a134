import {
  ApiServer,
  API_SERVER_USER,
  bootstrapObjects,
  ClusterAuth,
  ensureObjects,
  type ApiServerExtensions,
  type UserInfo,
} from '@keelson/api-server';
import { ServiceAccount } from '@keelson/api/core/v1';
import { KeelsonError, type Clock, type Logger, type Runnable } from '@keelson/base';
import type { Transport } from '@keelson/client';
import { createAuthority, createSigningKey, type CertificateAuthority } from '@keelson/pki';
import type { MemoryStore } from '@keelson/store';
import type { Faults } from './faults.ts';
import { https, type Https } from './https.ts';
import type { OwnParts } from './own-parts.ts';

interface Dependencies {
  readonly store: MemoryStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly faults: Faults;
  readonly parts: OwnParts;
  /** Serve HTTPS too. */
  readonly http: boolean;
}

export const SERVICE_CIDR = '10.96.0.0/16';

/** An API server on a store in memory, which can be started anew under clients that go on. */
export class ControlPlane implements Runnable {
  readonly name = 'control plane';
  readonly #deps: Dependencies;
  #auth: ClusterAuth | undefined;
  #server: ApiServer | undefined;
  #https: Https | undefined;
  #authority: Promise<CertificateAuthority> | undefined;
  readonly #extensions: ApiServerExtensions[] = [];
  #signal = AbortSignal.abort();

  constructor(deps: Dependencies) {
    this.#deps = deps;
  }

  /** Of the HTTPS front, if there is one. It stays the same when the server is started anew. */
  get https(): Https | undefined {
    return this.#https;
  }

  /** Makes the tokens that are kept in Secrets. */
  get legacyTokens(): ClusterAuth['legacyTokens'] {
    if (!this.#auth) throw new KeelsonError('ServiceUnavailable', 'The API server is not running');
    return this.#auth.legacyTokens;
  }

  /** Made when it is first asked for. By the machine's time, as TLS knows no other. */
  authority(): Promise<CertificateAuthority> {
    return (this.#authority ??= createAuthority({ commonName: 'test-ca' }));
  }

  /** The API as a user, whichever server is running. `ServiceUnavailable` while there is none. */
  transport(user: UserInfo): Transport {
    const known = new WeakMap<ApiServer, Transport>();
    const current = (): Transport => {
      const server = this.#server;
      if (!server) throw new KeelsonError('ServiceUnavailable', 'The API server is not running');
      const transport = known.get(server) ?? server.transport(user);
      known.set(server, transport);
      return transport;
    };
    return {
      request: async (call) => current().request(call),
      watch: (call) => current().watch(call),
      stream: async (call) => current().stream(call),
      upgrade: async (call, protocols) => current().upgrade(call, protocols),
      close: async () => undefined,
    };
  }

  /** The same for a part of the cluster, which must not lack rights. */
  partTransport(user: UserInfo): Transport {
    return this.transport(this.#deps.parts.add(user));
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    const { clock, logger, http } = this.#deps;
    const { privateKey: signingKey } = await createSigningKey();
    const transport = this.transport(API_SERVER_USER);
    this.#auth = new ClusterAuth({ clock, logger, transport: () => transport }, { signingKey, bootstrapTokens: true });
    await this.#startServer(this.#auth);
    const objects = bootstrapObjects({ serviceCidr: SERVICE_CIDR, advertise: undefined, clientCa: undefined });
    // Without it the namespace could have no pods until a controller has made it, if there is one.
    const account = { metadata: { name: 'default', namespace: 'default' } };
    await ensureObjects(transport, [...objects, { kind: ServiceAccount, object: account, reconcile: false }]);
    await this.#auth.ready();
    if (!http || !this.#server) return;
    this.#https = await https(this.#server, await this.authority(), signal);
  }

  /** Adds to the server, and to those that take its place. */
  extend(extensions: ApiServerExtensions): void {
    this.#extensions.push(extensions);
    this.#server?.extend(extensions);
  }

  /** The server ends, with all watches and connections, and a new one begins on the same store, address and keys. */
  async restart(): Promise<void> {
    const auth = this.#auth;
    if (!auth || !this.#server) return;
    await this.#stopServer();
    const server = await this.#startServer(auth);
    if (this.#https) this.#https = await this.#https.moveTo(server, this.#signal);
  }

  async stop(): Promise<void> {
    await this.#auth?.stop();
    await this.#stopServer();
    await this.#deps.store.close();
  }

  async #startServer({ extensions }: ClusterAuth): Promise<ApiServer> {
    const { store, clock, logger, faults, parts } = this.#deps;
    const interceptors = [faults.interceptor, parts.interceptor];
    const server = new ApiServer({ store, clock, logger, ...extensions, interceptors }, { serviceCidr: SERVICE_CIDR });
    for (const each of this.#extensions) server.extend(each);
    await server.start(this.#signal);
    this.#server = server;
    return server;
  }

  async #stopServer(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    await server?.stop();
    await this.#https?.frontend.stop();
  }
}
