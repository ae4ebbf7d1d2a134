import type { Kind, KubernetesObject } from '@keelson/api';
import type { Clock, Logger, Runnable } from '@keelson/base';
import type { Client } from '@keelson/client';
import { CachedInformer, type CachedInformerOptions } from './cached-informer.ts';
import { CombinedInformer } from './combined-informer.ts';
import type { Informer, InformerOptions } from './informer.ts';

interface Dependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface InformerFactoryOptions {
  /** Objects that are in namespaces are followed in these alone, unless their informer is asked for with another one. All if absent. */
  readonly namespaces?: readonly string[];
  /** As of `CachedInformerOptions`. */
  readonly maxAgeMs?: number;
}

/** One informer for each kind and selection, shared by all who ask for it. */
export class InformerFactory implements Runnable {
  readonly name = 'informers';
  readonly #dependencies: Dependencies;
  readonly #namespaces: readonly string[] | undefined;
  readonly #age: Pick<CachedInformerOptions<KubernetesObject>, 'maxAgeMs'>;
  readonly #informers = new Map<string, Informer<KubernetesObject>>();
  readonly #byResource = new Map<string, Informer<KubernetesObject>[]>();
  /** Informers with different functions are different ones. */
  readonly #transforms: unknown[] = [];
  #running: AbortSignal | undefined;

  constructor(dependencies: Dependencies, { namespaces, maxAgeMs }: InformerFactoryOptions = {}) {
    this.#dependencies = dependencies;
    this.#namespaces = namespaces && [...new Set(namespaces)];
    this.#age = maxAgeMs === undefined ? {} : { maxAgeMs };
  }

  /** The shared informer. Its indexers are added to those that it has. It starts with the factory, or at once if that is running. */
  for<T extends KubernetesObject>(kind: Kind<T>, options: InformerOptions<T> = {}): Informer<T> {
    if (!this.#namespaces || !kind.namespaced || options.namespace !== undefined) return this.#one(kind, options);
    const parts = new Map(this.#namespaces.map((namespace) => [namespace, this.#one(kind, { ...options, namespace })]));
    const [only] = parts.values();
    const { labelSelector, fieldSelector } = options;
    const selection = { ...(labelSelector && { labelSelector }), ...(fieldSelector && { fieldSelector }) };
    return parts.size === 1 && only ? only : new CombinedInformer(kind, parts, selection);
  }

  #one<T extends KubernetesObject>(kind: Kind<T>, options: InformerOptions<T>): Informer<T> {
    const { indexers = {}, ...selection } = options;
    const key = JSON.stringify([
      kind.group,
      kind.version,
      kind.resource,
      selection.namespace,
      selection.labelSelector,
      selection.fieldSelector,
      selection.metadataOnly,
      selection.transform && this.#numberOf(selection.transform),
    ]);
    const known = this.#informers.get(key);
    // The key names the kind, so the informer under it is of that kind.
    const informer = known
      ? (known as unknown as Informer<T>)
      : new CachedInformer(kind, this.#dependencies, { ...selection, ...this.#age });
    if (!known) {
      const any = informer as unknown as Informer<KubernetesObject>;
      this.#informers.set(key, any);
      const resource = `${kind.group}/${kind.version}/${kind.resource}`;
      this.#byResource.set(resource, [...(this.#byResource.get(resource) ?? []), any]);
      if (this.#running) void informer.start(this.#running).catch(() => undefined);
    }
    for (const [name, index] of Object.entries(indexers)) informer.addIndexer(name, index);
    return informer;
  }

  /** The informers of a resource, whatever they select. */
  of({ group, version, resource }: Pick<Kind, 'group' | 'version' | 'resource'>): readonly Informer<KubernetesObject>[] {
    return this.#byResource.get(`${group}/${version}/${resource}`) ?? [];
  }

  /** The resources whose first list is not in yet. */
  unsynced(): readonly string[] {
    return [...this.#informers.values()].filter(({ synced }) => !synced).map(({ kind }) => kind.resource);
  }

  /** Resolves when all informers are synced. */
  async start(signal: AbortSignal): Promise<void> {
    this.#running = signal;
    await Promise.all([...this.#informers.values()].map((informer) => informer.start(signal)));
  }

  async stop(): Promise<void> {
    this.#running = undefined;
    await Promise.all([...this.#informers.values()].map((informer) => informer.stop()));
  }

  #numberOf(transform: unknown): number {
    const known = this.#transforms.indexOf(transform);
    return known >= 0 ? known : this.#transforms.push(transform) - 1;
  }
}
