import type { Clock, Logger, Runnable } from '@keelson/base';
import type { Transport } from '@keelson/client';
import type { KeyedCertificate } from '@keelson/pki';
import { isMeasured, storeMetrics, type Store } from '@keelson/store';
import type { AdmissionMutator, AdmissionValidator } from './admission/admission.ts';
import {
  admissionMetrics,
  builtinCounters,
  builtinMutators,
  builtinValidators,
  type BuiltinAdmission,
} from './admission/builtin-admission.ts';
import { CustomServices } from './aggregation/custom-services.ts';
import { ExtensionServers } from './aggregation/extension-servers.ts';
import type { Authenticator, Authorizer, TokenIssuer } from './auth/contracts.ts';
import { CustomResources } from './custom/custom-resources.ts';
import { Dispatcher } from './dispatch/dispatcher.ts';
import { intercept, type RequestInterceptor } from './dispatch/interceptor.ts';
import { Discovery } from './discovery/index.ts';
import { DocumentPaths, type DocumentSource } from './http/document-paths.ts';
import { HealthPaths, type HealthCheck } from './http/health.ts';
import { MetricsPath } from './http/metrics-path.ts';
import { storageMetrics } from './http/storage-metrics.ts';
import { gitVersion, VersionPath } from './http/version.ts';
import { InProcessTransport } from './in-process/in-process-transport.ts';
import { createStrategies } from './kinds/index.ts';
import { API_SERVER_USER } from './loopback.ts';
import { OpenApi } from './openapi/index.ts';
import { builtinDefinitions } from './registry/builtin-definitions.ts';
import { Registry } from './registry/registry.ts';
import type { ResourceDefinition } from './registry/resource-definition.ts';
import type { UserInfo } from './registry/strategy.ts';
import type { VirtualResource } from './registry/virtual-resource.ts';
import type { ApiRequest } from './request/api-request.ts';
import type { PathHandler } from './request/path-handler.ts';
import { RequestMetrics } from './request/request-metrics.ts';
import type { ApiResult } from './response/api-result.ts';
import { Representer } from './response/representer.ts';
import { CEL_RULES } from './rules/cel-rules.ts';
import { Storages } from './storage/resource-storage.ts';
import type { SchemaRules } from './structural/rules.ts';
import type { SubresourceConnector } from './subresources/connector.ts';
import { tableOf } from './tables/index.ts';
import type { Services } from './verbs/call.ts';
import { WebhookClient } from './webhooks/webhook-client.ts';

/** What an API server is made of beside its own verbs. Everything may be left out. */
export interface ApiServerExtensions {
  /** Asked in order who sends an HTTP request. Without any, everybody is anonymous. */
  readonly authenticators?: readonly Authenticator[];
  /** Without one, everybody may do everything. */
  readonly authorizer?: Authorizer;
  readonly tokenIssuer?: TokenIssuer;
  /** Run after the built-in ones. */
  readonly mutators?: readonly AdmissionMutator[];
  /** Run after the built-in ones. */
  readonly validators?: readonly AdmissionValidator[];
  readonly connectors?: readonly SubresourceConnector[];
  readonly virtualResources?: readonly VirtualResource[];
  readonly pathHandlers?: readonly PathHandler[];
  /** The first one is asked first. */
  readonly interceptors?: readonly RequestInterceptor[];
  /** By which extension API servers know that what this server says of the user is true. Without one, everybody is anonymous to them. */
  readonly frontProxy?: KeyedCertificate;
}

export interface ApiServerDependencies extends ApiServerExtensions {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Judges custom objects by `x-kubernetes-validations`. By CEL if absent. */
  readonly schemaRules?: SchemaRules;
}

export interface ApiServerOptions {
  /** Of the program; part of what `/version` says. */
  readonly version?: string;
  /** Serve alpha kinds too. */
  readonly alpha?: boolean;
  /** Where Services get their addresses: a range, or one of each family with a comma between. `10.96.0.0/16` if absent. */
  readonly serviceCidr?: string;
  /** First and last node port. 30000 to 32767 if absent. */
  readonly nodePortRange?: readonly [number, number];
  /** Built-in admission plugins to leave out. */
  readonly disabledAdmission?: readonly BuiltinAdmission[];
  /** `HOST:PORT` under which clients reach the server; asked each time that discovery is made. */
  readonly serverAddress?: () => string;
  /** How long events are kept. One hour if absent. */
  readonly eventTtlSeconds?: number;
  /** Watches without a timeout of their own end after this time up to its double. 30 minutes if absent. */
  readonly minWatchSeconds?: number;
}

/**
 * The Kubernetes API over a store. It has no state but caches: several servers may share one store. Use it through `transport` in the
 * same process, or through an `HttpFrontend`.
 */
export class ApiServer implements Runnable {
  readonly name = 'api-server';
  readonly registry: Registry;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly representer: Representer;
  readonly #services: Services & Mutable;
  readonly #routes: MutableRoutes;
  readonly #storages: Storages;
  readonly #webhooks: WebhookClient;
  readonly #dispatcher: Dispatcher;
  readonly #authenticators: Authenticator[] = [];
  readonly #interceptors: RequestInterceptor[] = [];
  readonly metrics = new MetricsPath();
  /** Counts requests. */
  readonly requests: RequestMetrics;
  readonly #readiness: HealthCheck[] = [];
  readonly #stopping = new AbortController();
  readonly #settling: (() => Promise<void>)[] = [];
  readonly #customResources: CustomResources;
  readonly #customServices: CustomServices;
  /** The servers behind APIServices. */
  readonly extensionServers: ExtensionServers;
  #frontProxy: KeyedCertificate | undefined;

  constructor(dependencies: ApiServerDependencies, options: ApiServerOptions = {}) {
    const { store, clock, logger, schemaRules: rules = CEL_RULES } = dependencies;
    const { serviceCidr = '10.96.0.0/16', nodePortRange = [30_000, 32_767], alpha = false, version = '0.1.0' } = options;
    this.clock = clock;
    this.logger = logger;
    const strategies = createStrategies({ store, clock, serviceCidr, nodePortRange, rules });
    this.representer = new Representer(tableOf, clock);
    this.registry = new Registry(builtinDefinitions({ alpha, strategies }));
    this.requests = new RequestMetrics(this.registry);
    this.#storages = new Storages({ store, clock, logger });
    this.#services = {
      registry: this.registry,
      store,
      storages: this.#storages,
      clock,
      logger,
      mutators: [],
      validators: [],
      counters: [],
      tokenIssuer: undefined,
      customKinds: undefined,
      eventTtlSeconds: options.eventTtlSeconds ?? 3_600,
      minWatchSeconds: options.minWatchSeconds ?? 1_800,
    };
    const disabled = new Set<string>(options.disabledAdmission);
    this.#webhooks = new WebhookClient(this.#services);
    const admission = { ...this.#services, client: this.#webhooks, authorizer: () => this.authorizer };
    this.#services.mutators.push(...builtinMutators(admission, disabled));
    this.#services.validators.push(...builtinValidators(admission, disabled));
    this.#services.counters.push(...builtinCounters(admission, disabled));
    const transport = (): Transport => this.transport(API_SERVER_USER);
    const identity = (): KeyedCertificate | undefined => this.#frontProxy;
    const extensionServers = new ExtensionServers({ services: this.#services, clock, logger, transport, identity });
    this.#customServices = new CustomServices({
      registry: this.registry,
      storage: extensionServers.storage,
      clock,
      logger,
      transport,
    });
    this.extensionServers = extensionServers;
    this.#routes = { authorizer: undefined, extensionServers, pathHandlers: [], connectors: [], virtualResources: [] };
    this.#dispatcher = new Dispatcher(this.#services, this.#routes);
    this.#routes.pathHandlers.push(extensionServers, new VersionPath(version), this.#health(store), this.metrics);
    this.metrics.add(() => this.requests.text());
    this.metrics.add(() => admissionMetrics([...this.#services.mutators, ...this.#services.validators]));
    this.metrics.add(() => storageMetrics(this.#storages));
    if (isMeasured(store)) this.metrics.add(() => storeMetrics(store.stats()));
    const { serverAddress } = options;
    const served = (): readonly ResourceDefinition[] => [...this.registry.all(), ...extensionServers.definitions()];
    this.#addDocuments(new Discovery(served, serverAddress ? { serverAddress } : {}));
    const info = { title: 'Kubernetes', version: gitVersion(version) };
    this.#addDocuments(new OpenApi(() => this.registry.all(), { info, others: () => extensionServers.openApi() }));
    this.extend(dependencies);
    const webhooks = this.#webhooks;
    this.#customResources = new CustomResources({ services: this.#services, clock, logger, rules, transport, webhooks });
    this.#services.customKinds = this.#customResources;
  }

  #addDocuments(source: DocumentSource): void {
    this.#routes.pathHandlers.push(new DocumentPaths(source));
    this.registry.changes$.subscribe((changes) => source.invalidate(changes.map(({ definition }) => definition)));
    this.extensionServers.changes$.subscribe((definitions) => source.invalidate(definitions));
  }

  #health(store: Store): HealthPaths {
    const ping: HealthCheck = { name: 'ping', check: async () => undefined };
    const storeCheck: HealthCheck = { name: 'etcd', check: async () => void (await store.revision()) };
    const shutdown: HealthCheck = {
      name: 'shutdown',
      check: async () => {
        if (this.stopping.aborted) throw new Error('process is shutting down');
      },
    };
    return new HealthPaths([ping, storeCheck], () => [shutdown, ...this.#readiness], this.clock);
  }

  /** `stop` waits for `settle` once watches have ended, so that requests under way are answered. */
  onStopping(settle: () => Promise<void>): void {
    this.#settling.push(settle);
  }

  /** From now on `/readyz` asks this too, until what it gives is disposed. */
  addReadiness(check: HealthCheck): Disposable {
    this.#readiness.push(check);
    return { [Symbol.dispose]: () => void this.#readiness.splice(this.#readiness.indexOf(check), 1) };
  }

  /** `/readyz` fails from now on, so that balancers send no more; requests are still served. */
  beginShutdown(): void {
    this.#stopping.abort(new Error('The API server is shutting down'));
  }

  /** Adds what could not be made before the server was, because it uses the server itself. Kinds may come at any time, the rest before the first request. */
  extend(extensions: ApiServerExtensions): void {
    this.#authenticators.push(...(extensions.authenticators ?? []));
    this.#interceptors.push(...(extensions.interceptors ?? []));
    this.#services.mutators.push(...(extensions.mutators ?? []));
    this.#services.validators.push(...(extensions.validators ?? []));
    this.#routes.connectors.push(...(extensions.connectors ?? []));
    const virtual = extensions.virtualResources ?? [];
    this.#routes.virtualResources.push(...virtual);
    this.registry.replace(
      [],
      virtual.flatMap(({ definition }) => definition ?? []),
    );
    this.#routes.pathHandlers.push(...(extensions.pathHandlers ?? []));
    if (extensions.frontProxy) this.#frontProxy = extensions.frontProxy;
    if (extensions.authorizer) this.#routes.authorizer = extensions.authorizer;
    if (extensions.tokenIssuer) this.#services.tokenIssuer = extensions.tokenIssuer;
  }

  /** Without one, everybody may do everything. */
  get authorizer(): Authorizer | undefined {
    return this.#routes.authorizer;
  }

  get authenticators(): readonly Authenticator[] {
    return this.#authenticators;
  }

  /** Aborts when the server begins to stop. */
  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  async start(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await this.#services.store.revision();
    await Promise.all([this.#customResources.start(), this.extensionServers.start()]);
    await this.#customServices.start();
  }

  /** Ends all watches. The store stays open. */
  async stop(): Promise<void> {
    this.beginShutdown();
    this.#storages.endWatches();
    await Promise.all(this.#settling.map((settle) => settle()));
    await this.#customServices.stop();
    await this.#customResources.stop();
    await this.extensionServers.stop();
    this.#webhooks[Symbol.dispose]();
    this.#storages.close();
  }

  /** Serves one request. Rejects with what a Status can say. `warn` is called with texts for `Warning` headers. */
  handle(request: ApiRequest, warn: (text: string) => void): Promise<ApiResult> {
    if (this.#interceptors.length === 0) return this.#dispatcher.handle(request, warn);
    return intercept(this.#interceptors, request, () => this.#dispatcher.handle(request, warn));
  }

  /** The API in this process, as `user`. */
  transport(user: UserInfo): Transport {
    return new InProcessTransport(this, user);
  }
}

interface Mutable {
  readonly mutators: AdmissionMutator[];
  readonly validators: AdmissionValidator[];
  readonly counters: AdmissionValidator[];
  tokenIssuer: TokenIssuer | undefined;
  customKinds: CustomResources | undefined;
}

interface MutableRoutes {
  authorizer: Authorizer | undefined;
  readonly extensionServers: ExtensionServers;
  readonly pathHandlers: PathHandler[];
  readonly connectors: SubresourceConnector[];
  readonly virtualResources: VirtualResource[];
}
