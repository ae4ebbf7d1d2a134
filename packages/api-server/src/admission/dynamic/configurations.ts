import type { KubernetesObject } from '@keelson/api';
import { loadCel } from '@keelson/cel';
import type { ResourceStorage } from '../../storage/resource-storage.ts';
import type { StoredObject } from '../../storage/stored-object.ts';
import type { Services } from '../../verbs/call.ts';

/**
 * Hot path: the objects that say what is to be done with requests, each with what has been made of it. While there are none, that is all
 * that it costs to know.
 */
export class Configurations<T extends KubernetesObject, M> {
  readonly #sources: Pick<Services, 'registry' | 'storages'>;
  readonly #resource: string;
  readonly #make: (object: Readonly<T>) => M;
  readonly #made = new WeakMap<StoredObject, M>();
  #storage: ResourceStorage | undefined;

  /** `make` is called once for each version of an object, when a request first needs it. */
  constructor(sources: Pick<Services, 'registry' | 'storages'>, resource: string, make: (object: Readonly<T>) => M) {
    this.#sources = sources;
    this.#resource = resource;
    this.#make = make;
  }

  /** What was made of each, in order of names. */
  async all(): Promise<readonly M[]> {
    const storage = this.#find();
    if (!storage) return [];
    await storage.cache.ready();
    if (storage.cache.size === 0) return [];
    await loadCel();
    return storage.cache.list().map((item) => this.#of(item));
  }

  #of(item: StoredObject): M {
    const known = this.#made.get(item);
    if (known !== undefined) return known;
    // Of the kind that this storage is of.
    const made = this.#make(item.object() as Readonly<T>);
    this.#made.set(item, made);
    return made;
  }

  #find(): ResourceStorage | undefined {
    if (this.#storage) return this.#storage;
    const definition = this.#sources.registry.find('admissionregistration.k8s.io', 'v1', this.#resource);
    this.#storage = definition && this.#sources.storages.of(definition);
    return this.#storage;
  }
}
