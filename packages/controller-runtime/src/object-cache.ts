import { keyOf, namespaceOf, type KubernetesObject } from '@keelson/api';
import type { IndexFunction, Lister } from './informer.ts';

const BY_NAMESPACE = 'namespace';

/** Objects by key, and by the values of any number of indexes, which are kept up to date with every change. */
export class ObjectCache<T extends KubernetesObject> implements Lister<T> {
  readonly #objects = new Map<string, T>();
  readonly #functions = new Map<string, IndexFunction<T>>();
  readonly #indexes = new Map<string, Map<string, Map<string, T>>>();

  constructor(indexers: Readonly<Record<string, IndexFunction<T>>> = {}) {
    this.addIndexer(BY_NAMESPACE, (object) => [namespaceOf(object)]);
    for (const [name, index] of Object.entries(indexers)) this.addIndexer(name, index);
  }

  get size(): number {
    return this.#objects.size;
  }

  get(name: string, namespace = ''): T | undefined {
    return this.#objects.get(namespace === '' ? name : `${namespace}/${name}`);
  }

  getByKey(key: string): T | undefined {
    return this.#objects.get(key);
  }

  list(namespace?: string): readonly T[] {
    return namespace === undefined ? [...this.#objects.values()] : this.byIndex(BY_NAMESPACE, namespace);
  }

  byIndex(index: string, value: string): readonly T[] {
    return [...(this.#indexes.get(index)?.get(value)?.values() ?? [])];
  }

  keys(): Iterable<string> {
    return this.#objects.keys();
  }

  /** Replaces an index of the same name. */
  addIndexer(name: string, index: IndexFunction<T>): void {
    const entries = new Map<string, Map<string, T>>();
    for (const [key, object] of this.#objects) enter(entries, index(object), { key, object });
    this.#functions.set(name, index);
    this.#indexes.set(name, entries);
  }

  /** What was there before. If an index function throws, nothing has changed. */
  set(object: T): T | undefined {
    const key = keyOf(object);
    const values = Array.from(this.#functions.values(), (index) => index(object));
    const old = this.#objects.get(key);
    if (old) this.#leaveAll(key, old);
    this.#objects.set(key, object);
    let at = 0;
    for (const entries of this.#indexes.values()) enter(entries, values[at++] ?? [], { key, object });
    return old;
  }

  delete(key: string): T | undefined {
    const old = this.#objects.get(key);
    if (!old) return undefined;
    this.#leaveAll(key, old);
    this.#objects.delete(key);
    return old;
  }

  #leaveAll(key: string, object: T): void {
    for (const [name, index] of this.#indexes) {
      for (const value of this.#functions.get(name)?.(object) ?? []) {
        const found = index.get(value);
        found?.delete(key);
        if (found?.size === 0) index.delete(value);
      }
    }
  }
}

function enter<T>(
  entries: Map<string, Map<string, T>>,
  values: readonly string[],
  { key, object }: { readonly key: string; readonly object: T },
): void {
  for (const value of values) {
    const found = entries.get(value);
    if (found) found.set(key, object);
    else entries.set(value, new Map([[key, object]]));
  }
}
