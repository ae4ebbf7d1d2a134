import type { StoredObject } from './stored-object.ts';

/** Hot path: the objects of one resource by namespace and name, listed in the order of their keys. */
export class ObjectTree {
  readonly #buckets = new Map<string, Bucket>();
  #namespaces: string[] | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(namespace: string, name: string): StoredObject | undefined {
    return this.#buckets.get(namespace)?.items.get(name);
  }

  /** Gives what was there before. */
  set(item: StoredObject): StoredObject | undefined {
    let bucket = this.#buckets.get(item.namespace);
    if (!bucket) {
      bucket = new Bucket();
      this.#buckets.set(item.namespace, bucket);
      this.#namespaces = undefined;
    }
    const before = bucket.items.get(item.name);
    bucket.items.set(item.name, item);
    if (before) return before;
    bucket.added(item.name);
    this.#size += 1;
    return undefined;
  }

  delete(namespace: string, name: string): StoredObject | undefined {
    const bucket = this.#buckets.get(namespace);
    const before = bucket?.items.get(name);
    if (!bucket || !before) return undefined;
    bucket.items.delete(name);
    bucket.names = undefined;
    this.#size -= 1;
    if (bucket.items.size === 0) {
      this.#buckets.delete(namespace);
      this.#namespaces = undefined;
    }
    return before;
  }

  /** In the order of their keys; of one namespace if it is given. */
  list(namespace?: string): StoredObject[] {
    const found: StoredObject[] = [];
    if (namespace !== undefined) {
      this.#buckets.get(namespace)?.addTo(found);
      return found;
    }
    // Keys go on with a slash behind the namespace, which sorts before letters and digits but after a dash.
    this.#namespaces ??= [...this.#buckets.keys()].sort((a, b) => (`${a}/` < `${b}/` ? -1 : 1));
    for (const name of this.#namespaces) this.#buckets.get(name)?.addTo(found);
    return found;
  }
}

class Bucket {
  readonly items = new Map<string, StoredObject>();
  /** Sorted unless `#dirty`; undefined after a deletion. */
  names: string[] | undefined = [];
  #dirty = false;

  added(name: string): void {
    if (!this.names) return;
    const last = this.names.at(-1);
    if (last !== undefined && last > name) this.#dirty = true;
    this.names.push(name);
  }

  addTo(found: StoredObject[]): void {
    if (!this.names || this.#dirty) {
      this.names = this.names ?? [...this.items.keys()];
      this.names.sort();
      this.#dirty = false;
    }
    for (const name of this.names) {
      const item = this.items.get(name);
      if (item) found.push(item);
    }
  }
}
