import { deepEqual, facts } from '@keelson/api';
import type { APIService } from '@keelson/api/apiregistration/v1';
import { Backoff, errorMessage, isReason, sleepOn, TaskGroup, type Clock, type Logger } from '@keelson/base';
import type { Transport } from '@keelson/client';
import { Subject, type Observable } from 'rxjs';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import type { ApiRequest } from '../request/api-request.ts';
import type { PathHandler } from '../request/path-handler.ts';
import type { ConnectResult } from '../response/api-result.ts';
import { Follower } from '../storage/follower.ts';
import type { ResourceStorage } from '../storage/resource-storage.ts';
import type { Services } from '../verbs/call.ts';
import { examine, withAvailability, type Finding } from './availability.ts';
import { ExtensionServer, type ExtensionServerDependencies, type RemoteDiscovery, type RemoteSpec } from './extension-server.ts';

export interface ExtensionServersDependencies extends ExtensionServerDependencies {
  readonly services: Services;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Into this server, as itself. */
  readonly transport: () => Transport;
}

interface Extension {
  readonly server: ExtensionServer;
  /** Aborted when it is no longer to be looked at. */
  readonly life: AbortController;
  /** What it last said of itself; kept while it cannot be asked. */
  discovery: RemoteDiscovery | undefined;
}

const PATH = '/apis/apiregistration.k8s.io/v1/apiservices';
const LOOK_AGAIN_MS = 30_000;
const RETRY = { initialMs: 250, maxMs: 5_000, jitter: 0.5 };

/**
 * The API aggregation layer: follows the APIServices in the store, hands requests for the versions of groups that other servers stand behind
 * to those, lists their kinds in discovery, and says in the status of each APIService whether its server can be asked.
 */
export class ExtensionServers implements PathHandler {
  readonly #deps: ExtensionServersDependencies;
  /** Of APIServices. */
  readonly storage: ResourceStorage;
  readonly #tasks: TaskGroup;
  readonly #follower: Follower;
  readonly #byName = new Map<string, Extension>();
  readonly #byVersion = new Map<string, Extension>();
  readonly #changes = new Subject<readonly ResourceDefinition[]>();

  constructor(deps: ExtensionServersDependencies) {
    this.#deps = deps;
    const definition = deps.services.registry.find('apiregistration.k8s.io', 'v1', 'apiservices');
    if (!definition) throw new RangeError('APIServices are not served');
    this.storage = deps.services.storages.of(definition);
    this.#tasks = new TaskGroup(deps.logger);
    this.#follower = new Follower({
      ...deps,
      storage: this.storage,
      tasks: this.#tasks,
      seen: (item) => this.#seen(item.name, item.object() as Readonly<APIService>),
      gone: (name) => this.#gone(name),
    });
  }

  /** What has come or gone of what extension servers serve. Never errors or completes. */
  get changes$(): Observable<readonly ResourceDefinition[]> {
    return this.#changes.asObservable();
  }

  async start(): Promise<void> {
    await this.#follower.start();
  }

  async stop(): Promise<void> {
    this.#follower.stop();
    await this.#tasks.stop();
  }

  /** Hot path: who is to be asked for a version of a group, if not this server. */
  find(group: string, version: string): ExtensionServer | undefined {
    return this.#byVersion.size === 0 ? undefined : this.#byVersion.get(`${group}/${version}`)?.server;
  }

  /** The kinds of all extension servers, as far as discovery tells of them. */
  definitions(): readonly ResourceDefinition[] {
    return [...this.#byVersion.values()].flatMap(({ discovery }) => discovery?.definitions ?? []);
  }

  /** Where OpenAPI v3 documents of extension servers are, by names such as `apis/wardle.example.com/v1`. */
  openApi(): ReadonlyMap<string, string> {
    return new Map(
      [...this.#byVersion.values()].flatMap(({ server, discovery }) =>
        discovery?.openApi === undefined ? [] : [[server.path.slice(1), discovery.openApi]],
      ),
    );
  }

  /** See `PathHandler`: discovery of one version, and its OpenAPI v3 document. */
  async handle(request: ApiRequest): Promise<ConnectResult | undefined> {
    if (this.#byVersion.size === 0) return undefined;
    const [, group = '', version = ''] = /^(?:\/openapi\/v3)?\/apis\/([^/]+)\/([^/]+)\/?$/.exec(request.path) ?? [];
    return this.find(group, version)?.connect(request);
  }

  #seen(name: string, { spec }: Readonly<APIService>): void {
    const remote = remoteSpec(spec);
    const known = this.#byName.get(name);
    if (known && remote && deepEqual(known.server.spec, remote)) return;
    this.#gone(name);
    if (!remote) return;
    const extension: Extension = {
      server: new ExtensionServer(remote, this.#deps),
      life: new AbortController(),
      discovery: undefined,
    };
    this.#byName.set(name, extension);
    this.#byVersion.set(`${remote.group}/${remote.version}`, extension);
    this.#tasks.run(`APIService ${name}`, (signal) =>
      this.#attend(name, extension, AbortSignal.any([signal, extension.life.signal])),
    );
  }

  #gone(name: string): void {
    const known = this.#byName.get(name);
    if (!known) return;
    const { group, version } = known.server.spec;
    known.life.abort();
    this.#byName.delete(name);
    this.#byVersion.delete(`${group}/${version}`);
    this.#changes.next(known.discovery?.definitions ?? []);
  }

  async #attend(name: string, extension: Extension, signal: AbortSignal): Promise<void> {
    const backoff = new Backoff(RETRY);
    while (!signal.aborted) {
      const finding = await examine(extension.server, signal);
      if (signal.aborted) return;
      this.#learn(extension, finding);
      const isSaid = await this.#report(name, finding);
      const isWell = isSaid && finding.discovery !== undefined;
      if (isWell) backoff.reset();
      await sleepOn(this.#deps.clock, isWell ? LOOK_AGAIN_MS : backoff.next(), signal).catch(() => undefined);
    }
  }

  #learn(extension: Extension, { discovery }: Finding): void {
    const before = extension.discovery;
    if (!discovery || (before && sameKinds(before, discovery))) return;
    extension.discovery = discovery;
    this.#changes.next([...(before?.definitions ?? []), ...discovery.definitions]);
  }

  /** True if the status says it. */
  async #report(name: string, { availability }: Finding): Promise<boolean> {
    const status = (this.storage.cache.get('', name)?.object() as Readonly<APIService> | undefined)?.status ?? {};
    const wanted = withAvailability(status, availability, this.#deps.clock.now());
    if (wanted === status) return true;
    const path = `${PATH}/${encodeURIComponent(name)}/status`;
    const body = { status: wanted };
    try {
      await this.#deps.transport().request({ method: 'PATCH', path, body, contentType: 'application/merge-patch+json' });
      return true;
    } catch (error) {
      if (!isReason(error, 'NotFound')) {
        this.#deps.logger.debug('cannot write the status of an APIService', { name, error: errorMessage(error) });
      }
      return false;
    }
  }
}

/** `undefined` for what this server serves by itself: without a service, or one of Kubernetes' own groups. */
function remoteSpec(spec: APIService['spec']): RemoteSpec | undefined {
  const { group = '', version = '', service } = spec ?? {};
  if (!spec || !service || group === '' || version === '' || facts().groups.some((each) => each.group === group))
    return undefined;
  const { name = '', namespace = '', port = 443 } = service;
  return { ...spec, group, version, service: { name, namespace, port } };
}

/** What discovery shows of kinds is JSON, unlike their schemas. */
function sameKinds(a: RemoteDiscovery, b: RemoteDiscovery): boolean {
  const shown = ({ definitions, openApi }: RemoteDiscovery): unknown => [
    openApi,
    definitions.map(({ schema: _schema, strategy: _strategy, ...names }) => names),
  ];
  return deepEqual(shown(a), shown(b));
}
