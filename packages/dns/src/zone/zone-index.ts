import type { Service } from '@keelson/api/core/v1';
import type { EndpointSlice } from '@keelson/api/discovery/v1';
import type { Delta } from '@keelson/controller-runtime';
import { serviceRecords, type NameRecords, type ServiceRecords } from './service-records.ts';

const SERVICE_NAME = 'kubernetes.io/service-name';

interface Entry {
  service: Service | undefined;
  readonly slices: Map<string, EndpointSlice>;
  records: ServiceRecords | undefined;
}

/**
 * The records of all Services, kept up to date by deltas. A change costs the work of the Services it touches; a look-up costs the same
 * however many there are.
 */
export class ZoneIndex {
  /** By `SERVICE.NAMESPACE`, as in names. */
  readonly #entries = new Map<string, Entry>();
  /** Which names an address leads back to, by the Service that says so. */
  readonly #pointers = new Map<string, Map<string, readonly string[]>>();
  /** How many Services with names are in a namespace. */
  readonly #namespaces = new Map<string, number>();
  readonly #dirty = new Set<string>();

  applyServices(deltas: readonly Delta<Service>[]): void {
    for (const { type, object } of deltas) {
      const key = keyOf(object.metadata?.name, object.metadata?.namespace);
      this.#touch(key).service = type === 'deleted' ? undefined : object;
    }
    this.#flush();
  }

  applySlices(deltas: readonly Delta<EndpointSlice>[]): void {
    for (const delta of deltas) {
      // Its label may change, and so the Service it belongs to.
      if (delta.type === 'updated') this.#removeSlice(delta.old);
      if (delta.type === 'deleted') this.#removeSlice(delta.object);
      else this.#addSlice(delta.object);
    }
    this.#flush();
  }

  /** What the name `LABELS.SERVICE.NAMESPACE.svc` (`LABELS` may be empty) holds; undefined if there is no such name. */
  lookUp(service: string, labels: string): NameRecords | undefined {
    return this.#entries.get(service)?.records?.names.get(labels);
  }

  hasNamespace(namespace: string): boolean {
    return this.#namespaces.has(namespace);
  }

  /** The names, below `svc`, that an address (in its canonical spelling) leads back to. */
  namesOf(address: string): readonly string[] {
    return [...(this.#pointers.get(address)?.values() ?? [])].flat();
  }

  #touch(key: string): Entry {
    this.#dirty.add(key);
    let entry = this.#entries.get(key);
    if (!entry) this.#entries.set(key, (entry = { service: undefined, slices: new Map(), records: undefined }));
    return entry;
  }

  #addSlice(slice: EndpointSlice): void {
    const key = keyOfSlice(slice);
    if (key !== undefined) this.#touch(key).slices.set(slice.metadata?.name ?? '', slice);
  }

  #removeSlice(slice: EndpointSlice): void {
    const key = keyOfSlice(slice);
    if (key !== undefined) this.#touch(key).slices.delete(slice.metadata?.name ?? '');
  }

  #flush(): void {
    for (const key of this.#dirty) this.#rebuild(key, this.#touch(key));
    this.#dirty.clear();
  }

  #rebuild(key: string, entry: Entry): void {
    const records = entry.service && serviceRecords(entry.service, [...entry.slices.values()]);
    this.#setPointers(key, entry.records, records);
    this.#countNames(key, (records?.names.size ? 1 : 0) - (entry.records?.names.size ? 1 : 0));
    entry.records = records;
    if (!entry.service && entry.slices.size === 0) this.#entries.delete(key);
  }

  #setPointers(key: string, before: ServiceRecords | undefined, after: ServiceRecords | undefined): void {
    for (const { address } of before?.pointers ?? []) {
      const names = this.#pointers.get(address);
      names?.delete(key);
      if (names?.size === 0) this.#pointers.delete(address);
    }
    for (const { address, label } of after?.pointers ?? []) {
      const names = this.#pointers.get(address) ?? new Map<string, readonly string[]>();
      const name = label === '' ? key : `${label}.${key}`;
      this.#pointers.set(address, names.set(key, [...(names.get(key) ?? []), name]));
    }
  }

  #countNames(key: string, change: number): void {
    const namespace = key.slice(key.indexOf('.') + 1);
    const count = (this.#namespaces.get(namespace) ?? 0) + change;
    if (count > 0) this.#namespaces.set(namespace, count);
    else this.#namespaces.delete(namespace);
  }
}

function keyOf(name = '', namespace = ''): string {
  return `${name}.${namespace}`;
}

function keyOfSlice({ metadata }: EndpointSlice): string | undefined {
  const name = metadata?.labels?.[SERVICE_NAME];
  return name ? keyOf(name, metadata?.namespace) : undefined;
}
