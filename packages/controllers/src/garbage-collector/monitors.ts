import { apiVersionOf, type KubernetesObject } from '@keelson/api';
import { errorMessage, TaskGroup, type Clock, type Logger, type Runnable } from '@keelson/base';
import { createClient, type Client } from '@keelson/client';
import { metadataTransport, CachedInformer, type Delta } from '@keelson/controller-runtime';
import { servedResources, type Served, type ServedResource } from '../discovery/served-resources.ts';

/** How often the server is asked anew what it offers; sooner when a custom kind comes or goes. */
const REFRESH_MS = 30_000;
const REFRESH_SOON_MS = 1_000;
/** Events own nothing and are owned by nothing, and there are many of them. */
const IGNORED = new Set(['/events', 'events.k8s.io/events']);
const VERBS = ['list', 'watch', 'delete'];
/** Groups whose objects add kinds. */
const KIND_MAKERS = new Set(['apiextensions.k8s.io', 'apiregistration.k8s.io']);

export interface MonitorListener {
  changed(resource: ServedResource, deltas: readonly Delta<KubernetesObject>[]): void;
  /** The kind is not watched any more; this is what was there. */
  abandoned(objects: readonly KubernetesObject[]): void;
}

interface Dependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly listener: MonitorListener;
}

interface Monitor {
  readonly resource: ServedResource;
  readonly informer: CachedInformer<KubernetesObject>;
  /** Resolves when all its objects are known, or nobody wants to know them any more. */
  readonly settled: PromiseWithResolvers<void>;
}

/** Watches the metadata of all objects of all kinds that can be deleted, as kinds come and go. */
export class Monitors implements Runnable {
  readonly name = 'garbage collector monitors';
  readonly #dependencies: Dependencies;
  readonly #metadata: Client;
  readonly #tasks: TaskGroup;
  readonly #monitors = new Map<string, Monitor>();
  #kinds = new Map<string, ServedResource>();
  #isKnown = false;
  #refreshing: Promise<void> | undefined;
  #timer: Disposable | undefined;
  #soon: Disposable | undefined;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
    this.#metadata = createClient(metadataTransport(dependencies.client.transport));
    this.#tasks = new TaskGroup(dependencies.logger);
  }

  /** Resolves when the server was asked once, successfully or not. */
  async start(): Promise<void> {
    this.#timer = this.#dependencies.clock.every(REFRESH_MS, () => this.#refresh());
    this.#refresh();
    await this.#refreshing;
  }

  async stop(): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    this.#soon?.[Symbol.dispose]();
    await this.#tasks.stop();
    await Promise.all([...this.#monitors.values()].map(({ informer }) => informer.stop()));
  }

  /** The kind of this name in any version that is served. */
  kind(apiVersion: string, kind: string): ServedResource | undefined {
    return this.#kinds.get(`${apiVersion} ${kind}`);
  }

  /** Resolves when all objects of all kinds are known. Until then nobody can say that something has no dependents. */
  async whenComplete(signal: AbortSignal): Promise<void> {
    while (!this.#isComplete) {
      signal.throwIfAborted();
      if (!this.#isKnown) await this.#dependencies.clock.sleep(REFRESH_SOON_MS, signal);
      await unlessAborted(Promise.all([...this.#monitors.values()].map(({ settled }) => settled.promise)), signal);
    }
  }

  get #isComplete(): boolean {
    if (!this.#isKnown) return false;
    for (const { informer } of this.#monitors.values()) if (!informer.synced) return false;
    return true;
  }

  #refresh(): void {
    if (this.#refreshing) return;
    this.#tasks.run('refresh of kinds', (signal) => {
      this.#refreshing = this.#follow(signal).finally(() => (this.#refreshing = undefined));
      return this.#refreshing;
    });
  }

  /** Never rejects. */
  async #follow(signal: AbortSignal): Promise<void> {
    const { client, logger } = this.#dependencies;
    try {
      const served = await servedResources(client.transport, signal);
      for (const [groupVersion, error] of served.failures) logger.warn('resources are not known', { groupVersion, error });
      this.#kinds = kindsOf(served, this.#kinds);
      await this.#watchAll(served, signal);
      this.#isKnown = true;
    } catch (error) {
      if (signal.aborted) return;
      logger.warn('cannot find out what the server offers', { error: errorMessage(error) });
      if (!this.#isKnown) this.#refreshSoon();
    }
  }

  async #watchAll({ resources, failures }: Served, signal: AbortSignal): Promise<void> {
    const wanted = new Map(resources.filter(isWatched).map((resource) => [keyOf(resource), resource]));
    for (const [key, { resource }] of this.#monitors) {
      if (wanted.has(key) || failures.has(apiVersionOf(resource))) continue;
      await this.#abandon(key);
    }
    for (const [key, resource] of wanted) if (!this.#monitors.has(key)) this.#watch(key, resource, signal);
  }

  #watch(key: string, resource: ServedResource, signal: AbortSignal): void {
    const { clock, logger, listener } = this.#dependencies;
    const informer = new CachedInformer<KubernetesObject>(
      resource,
      { client: this.#metadata, clock, logger },
      { transform: metadataOf },
    );
    const settled = Promise.withResolvers<void>();
    this.#monitors.set(key, { resource, informer, settled });
    informer.deltas$.subscribe((deltas) => {
      listener.changed(resource, deltas);
      if (KIND_MAKERS.has(resource.group)) this.#refreshSoon();
    });
    this.#tasks.run(`start of ${informer.name}`, async () => {
      await informer.start(signal);
      settled.resolve();
    });
  }

  async #abandon(key: string): Promise<void> {
    const monitor = this.#monitors.get(key);
    this.#monitors.delete(key);
    if (!monitor) return;
    await monitor.informer.stop();
    monitor.settled.resolve();
    this.#dependencies.listener.abandoned(monitor.informer.list());
  }

  #refreshSoon(): void {
    this.#soon ??= this.#dependencies.clock.after(REFRESH_SOON_MS, () => {
      this.#soon = undefined;
      this.#refresh();
    });
  }
}

async function unlessAborted(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function isWatched({ group, resource, verbs }: ServedResource): boolean {
  return VERBS.every((verb) => verbs.includes(verb)) && !IGNORED.has(`${group}/${resource}`);
}

/** A preferred version that changes is another watch. */
function keyOf(resource: ServedResource): string {
  return `${apiVersionOf(resource)}/${resource.resource}`;
}

/** Those of group versions that cannot be asked just now stay known. */
function kindsOf({ versions, failures }: Served, known: ReadonlyMap<string, ServedResource>): Map<string, ServedResource> {
  const kept = [...known].filter(([, resource]) => failures.has(apiVersionOf(resource)));
  const all = new Map(kept);
  for (const resource of versions) all.set(`${apiVersionOf(resource)} ${resource.kind}`, resource);
  return all;
}

/** All that the graph needs of an object. */
function metadataOf({ metadata = {} }: KubernetesObject): KubernetesObject {
  const { name, namespace, uid, resourceVersion, ownerReferences, finalizers, deletionTimestamp } = metadata;
  return {
    metadata: {
      name,
      uid,
      resourceVersion,
      ...(namespace !== undefined && { namespace }),
      ...(ownerReferences !== undefined && { ownerReferences }),
      ...(finalizers !== undefined && { finalizers }),
      ...(deletionTimestamp !== undefined && { deletionTimestamp }),
    },
  };
}
