import 'reflect-metadata';
import { hostname } from 'node:os';
import { join } from 'node:path';
import {
  API_SERVER,
  CLUSTER_AUTH,
  HttpFrontend,
  KUBELET_CONNECTION,
  bootstrapObjects,
  ensureObjects,
  joiningObjects,
  writeFileAtomic,
  type ApiServer,
  type BootstrapObject,
} from '@keelson/api-server';
import { apiServerModule, clusterAuthModule, podStreamsModule } from '@keelson/api-server/module';
import { CLOCK, Lifecycle, LOGGER, type Clock, type Logger, type Runnable } from '@keelson/base';
import { CLIENT, createClient, kubeconfigOf } from '@keelson/client';
import { INFORMERS } from '@keelson/controller-runtime';
import { controllerRuntimeModule } from '@keelson/controller-runtime/module';
import { CONTROLLER_CLIENT } from '@keelson/controllers';
import { controllersModule } from '@keelson/controllers/module';
import { STORE } from '@keelson/store';
import { Container, type ContainerModule } from 'inversify';
import type { ClusterSettings } from '../options.ts';
import { silentProgress, type Progress } from '../progress.ts';
import { takesOthers } from './advertised.ts';
import { addonRoles } from './addon-roles.ts';
import { loadCredentials, type ClusterCredentials } from './credentials.ts';
import type { Reachable } from './component-context.ts';
import { addDns } from './dns.ts';
import { addControllers, addScheduler } from './control-plane.ts';
import { addMetrics } from './metrics.ts';
import { addIngress, reservedPorts } from './ingress.ts';
import { configurationObjects, joinedNodeObjects } from './joining.ts';
import { addNetworkPolicy } from './network-policy.ts';
import { addNodes } from './nodes.ts';
import { addressesForOthers, isAnyAddress } from './own-address.ts';
import { informersOf, ownNodes, takenRanges } from './own-nodes.ts';
import { addProxy, hasProxies } from './proxy.ts';
import { addStorage } from './storage.ts';
import { addressAt, rangesIn } from './ranges.ts';
import { addRoutes } from './routes.ts';
import { storeFor } from './store.ts';
import { BOOTSTRAP, controllerUser, INFORMER, PROXY } from './users.ts';

export interface ClusterDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly progress?: Progress;
  /** Called once everything is bound and nothing is made: binds, rebinds or adds. */
  readonly configure?: (container: Container) => void;
}

/** All of Kubernetes in one process: an API server with its store, controllers, scheduler, nodes and proxy. */
export class Cluster implements Runnable {
  readonly name = 'cluster';
  readonly #settings: ClusterSettings;
  readonly #reachable: Reachable;
  readonly #deps: ClusterDependencies;
  readonly #progress: Progress;
  readonly #lifecycle: Lifecycle;
  #frontend: HttpFrontend | undefined;

  constructor(settings: ClusterSettings, reachable: Reachable, deps: ClusterDependencies) {
    this.#settings = settings;
    this.#reachable = reachable;
    this.#deps = deps;
    this.#progress = deps.progress ?? silentProgress;
    this.#lifecycle = new Lifecycle(deps.logger);
  }

  /** `https://ADDRESS:PORT` of the API server. */
  get url(): string {
    return this.#frontend?.url ?? '';
  }

  /** Resolves when the API server is ready and all parts run. What has started is stopped again if something cannot. */
  async start(signal: AbortSignal): Promise<void> {
    try {
      await this.#start(signal);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Containers and data stay. */
  async stop(): Promise<void> {
    await this.#lifecycle.stop();
  }

  async #start(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    const { bindAddress, serviceCidr } = this.#settings;
    const own = rangesIn(serviceCidr).map((range) => addressAt(range, 1));
    // Who listens on all addresses is reached by each of them, and by name.
    const listening = isAnyAddress(bindAddress) ? [hostname(), ...addressesForOthers()] : [bindAddress];
    const hosts = [...new Set(['127.0.0.1', ...this.#reachable.nodeAddresses, ...own, ...listening])];
    const credentials = await this.#progress.step('keys and certificates', () =>
      loadCredentials(join(this.#settings.dataDir, 'pki'), hosts, clock),
    );
    const container = this.#container(credentials, await storeFor(this.#settings));
    const server = await this.#progress.step('store and API server', () => this.#startServer(container, credentials, signal));
    await this.#progress.step('controllers, scheduler and nodes', () =>
      this.#startComponents(container, { server, credentials, signal }),
    );
  }

  #container(credentials: ClusterCredentials, store: ContainerModule): Container {
    const { clock, logger, configure } = this.#deps;
    const container = new Container();
    container.bind(CLOCK).toConstantValue(clock);
    container.bind(LOGGER).toConstantValue(logger);
    const { authority, kubeletClient } = credentials;
    container.load(
      store,
      apiServerModule({ serviceCidr: this.#settings.serviceCidr, serverAddress: () => this.url.replace('https://', '') }),
      clusterAuthModule({ signingKey: credentials.signingKey, bootstrapTokens: true }),
      podStreamsModule({ tls: { ca: authority.certificate, ...kubeletClient } }),
      controllerRuntimeModule(),
      controllersModule({
        rootCa: authority.certificate,
        signer: authority,
        bootstrapTokens: true,
        approveServing: true,
        nodeCidrs: { clusterCidr: this.#settings.clusterCidr, reserved: takenRanges(this.#settings) },
        ...(hasProxies(this.#settings) && { loadBalancers: { reservedPorts: reservedPorts(this.#settings) } }),
        legacyTokens: { issue: (subject) => container.get(CLUSTER_AUTH).legacyTokens.issue(subject) },
      }),
    );
    container
      .bind(CLIENT)
      .toResolvedValue((server: ApiServer) => createClient(server.transport(INFORMER)), [API_SERVER])
      .inSingletonScope();
    container
      .bind(CONTROLLER_CLIENT)
      .toResolvedValue(
        (server: ApiServer) => (name: string) => createClient(server.transport(controllerUser(name))),
        [API_SERVER],
      )
      .inSingletonScope();
    configure?.(container);
    return container;
  }

  async #startServer(container: Container, credentials: ClusterCredentials, signal: AbortSignal): Promise<ApiServer> {
    const store = await container.getAsync(STORE);
    await this.#lifecycle.run(toRunnable('store', { stop: () => store.close() }), signal);
    const server = await container.getAsync(API_SERVER);
    server.extend({ frontProxy: credentials.frontProxy });
    const auth = container.get(CLUSTER_AUTH);
    const kubelets = container.get(KUBELET_CONNECTION);
    await this.#lifecycle.run(toRunnable('kubelet connections', { stop: async () => kubelets.close() }), signal);
    await this.#lifecycle.run(server, signal);
    await this.#lifecycle.run(toRunnable('authorization', { stop: () => auth.stop() }), signal);
    this.#frontend = this.#makeFrontend(server, credentials);
    await this.#lifecycle.run(this.#frontend, signal);
    // Stopped before the front end is: clients see their watches end, rather than break off.
    await this.#lifecycle.run(toRunnable('watches', { stop: () => server.stop() }), signal);
    await ensureObjects(server.transport(BOOTSTRAP), this.#objects(credentials));
    await auth.ready();
    await this.#writeKubeconfig(credentials);
    return server;
  }

  #makeFrontend(server: ApiServer, { serving, authority }: ClusterCredentials): HttpFrontend {
    const { bindAddress, port } = this.#settings;
    const { nodeAddress } = this.#reachable;
    const { certificate, privateKey: key } = serving;
    const isCovered = nodeAddress === bindAddress || isAnyAddress(bindAddress) || nodeAddress === '127.0.0.1';
    return new HttpFrontend(server, {
      host: bindAddress,
      port,
      moreHosts: isCovered ? [] : [nodeAddress],
      tls: { certificate, key, clientAuthorities: [authority.certificate] },
    });
  }

  #objects({ authority: { certificate: ca }, frontProxy }: ClusterCredentials): readonly BootstrapObject[] {
    const { nodeAddress } = this.#reachable;
    const port = this.#frontend?.port ?? 0;
    // No address of the loopback may be an endpoint: simulated pods reach nothing.
    const advertise = nodeAddress === '127.0.0.1' ? undefined : { address: nodeAddress, port };
    return [
      ...bootstrapObjects({
        serviceCidr: this.#settings.serviceCidr,
        advertise,
        clientCa: ca,
        frontProxyCa: frontProxy.authority,
      }),
      ...joiningObjects(kubeconfigOf('', { server: `https://${inUrl(nodeAddress)}:${port}`, ca })),
      ...configurationObjects(this.#settings),
      ...(takesOthers(this.#settings) ? joinedNodeObjects() : []),
      ...addonRoles(),
    ];
  }

  async #writeKubeconfig({ authority, admin }: ClusterCredentials): Promise<void> {
    // Clients cannot connect to "any address".
    const server = this.url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
    const text = kubeconfigOf('keelson', { server, ca: authority.certificate, ...admin });
    await writeFileAtomic(this.#settings.kubeconfig, text, 0o600);
  }

  async #startComponents(
    container: Container,
    { server, credentials, signal }: { server: ApiServer; credentials: ClusterCredentials; signal: AbortSignal },
  ): Promise<void> {
    const parts = new Lifecycle(this.#deps.logger);
    const informers = container.get(INFORMERS);
    await this.#lifecycle.run(informers, signal);
    const [settings, reachable] = [this.#settings, this.#reachable];
    const nodes = ownNodes({ container, server, credentials, settings });
    const proxyInformers = informersOf(createClient(server.transport(PROXY)), container);
    const context = { container, server, credentials, settings, informers, proxyInformers, reachable, nodes };
    addControllers(parts, context);
    addScheduler(parts, context);
    addDns(parts, context);
    addStorage(parts, context);
    addNetworkPolicy(parts, context);
    await addNodes(parts, context);
    addMetrics(parts, context);
    addRoutes(parts, context);
    addProxy(parts, context);
    addIngress(parts, context);
    await this.#lifecycle.run(parts, signal);
  }
}

function inUrl(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

function toRunnable(name: string, { stop }: { readonly stop: () => Promise<void> }): Runnable {
  return { name, start: async () => undefined, stop };
}
