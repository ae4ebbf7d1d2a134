import { namespaceOf, quotaEvaluator, type Kind, type KubernetesObject } from '@keelson/api';
import { errorMessage, type Clock, type Logger } from '@keelson/base';
import type { Client } from '@keelson/client';
import type { Delta, Informer, InformerFactory } from '@keelson/controller-runtime';
import { servedResources, type ServedResource } from '../discovery/served-resources.ts';
import { frees } from './quota-usage.ts';

/** How often the server is asked anew what it offers, for kinds that were not there. */
const REFRESH_MS = 30_000;
/** Whose objects are read as they are; of all others only the metadata is kept. */
const WHOLE = new Set(['/pods', '/services', '/persistentvolumeclaims']);

interface Dependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly informers: InformerFactory;
  /** Something in the namespace is used less than before. */
  readonly onFreed: (namespace: string, resource: { readonly group: string; readonly resource: string }) => void;
}

/** The objects of the resources that some quota is about, as they come to be asked for: also of kinds that are not built in. */
export class MeasuredObjects implements Disposable {
  readonly #dependencies: Dependencies;
  readonly #informers = new Map<string, Informer<KubernetesObject>>();
  readonly #subscriptions: { unsubscribe(): void }[] = [];
  #served: readonly ServedResource[] = [];
  #askedMs = -Infinity;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  /** The cache of a resource, once it has all; `undefined` if the server has no such resource. */
  async cacheOf(group: string, resource: string, signal: AbortSignal): Promise<Informer<KubernetesObject> | undefined> {
    const known = this.#informers.get(`${group}/${resource}`);
    const informer = known ?? (await this.#find(group, resource, signal));
    await informer?.whenSynced(signal);
    return informer;
  }

  [Symbol.dispose](): void {
    for (const subscription of this.#subscriptions.splice(0)) subscription.unsubscribe();
  }

  async #find(group: string, resource: string, signal: AbortSignal): Promise<Informer<KubernetesObject> | undefined> {
    const isOf = (kind: ServedResource): boolean => kind.group === group && kind.resource === resource;
    const kind = this.#served.find(isOf) ?? (await this.#discover(signal)).find(isOf);
    return kind && this.#add(kind);
  }

  #add(kind: Kind<KubernetesObject>): Informer<KubernetesObject> {
    const { clock, informers, onFreed } = this.#dependencies;
    const key = `${kind.group}/${kind.resource}`;
    const known = this.#informers.get(key);
    if (known) return known;
    const informer = informers.for(kind, WHOLE.has(key) ? {} : { transform: metadataOnly });
    this.#informers.set(key, informer);
    const evaluator = quotaEvaluator(kind.group, kind.resource);
    const isFreed = (delta: Delta<KubernetesObject>): boolean =>
      delta.type === 'deleted' || (delta.type === 'updated' && frees(evaluator, delta.old, delta.object, clock.now()));
    this.#subscriptions.push(
      informer.deltas$.subscribe((deltas) => {
        for (const delta of deltas) if (isFreed(delta)) onFreed(namespaceOf(delta.object), kind);
      }),
    );
    return informer;
  }

  async #discover(signal: AbortSignal): Promise<readonly ServedResource[]> {
    const { client, clock, logger } = this.#dependencies;
    if (clock.monotonic() - this.#askedMs < REFRESH_MS) return this.#served;
    this.#askedMs = clock.monotonic();
    const { resources, failures } = await servedResources(client.transport, signal);
    for (const [groupVersion, error] of failures)
      logger.warn('resources are not known', { groupVersion, error: errorMessage(error) });
    this.#served = resources.filter(({ namespaced, verbs }) => namespaced && verbs.includes('list') && verbs.includes('watch'));
    return this.#served;
  }
}

/** All that counting needs of an object. */
function metadataOnly({ metadata = {} }: KubernetesObject): KubernetesObject {
  const { name, namespace, uid, resourceVersion } = metadata;
  return { metadata: { name, namespace, uid, resourceVersion } };
}
