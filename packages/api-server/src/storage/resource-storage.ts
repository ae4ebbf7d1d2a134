import { isReason, KeelsonError, type Clock, type Logger } from '@keelson/base';
import type { KubernetesObject } from '@keelson/api';
import type { Guard, Revision, Store, Write } from '@keelson/store';
import { apiFieldsOf } from '../registry/field-values.ts';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import type { Companions } from '../registry/strategy.ts';
import { PendingWrites } from './pending-writes.ts';
import { Progress } from './progress.ts';
import { RecentObjects } from './recent-objects.ts';
import { storageKind } from './storage-kind.ts';
import { StoredObject, type ObjectShape } from './stored-object.ts';
import { WatchCache } from './watch-cache.ts';

const NO_COMPANIONS: Companions = { writes: [], guards: [] };

/** The objects of one resource in the store, whatever versions they are served in. */
export class ResourceStorage {
  readonly cache: WatchCache;
  readonly prefix: string;
  readonly #store: Store;
  readonly #shape: ObjectShape;
  readonly #pending: PendingWrites;

  constructor(deps: { store: Store; pending: PendingWrites; cache: WatchCache }, prefix: string) {
    this.#store = deps.store;
    this.#pending = deps.pending;
    this.cache = deps.cache;
    this.#shape = deps.cache.shape;
    this.prefix = prefix;
  }

  get shape(): ObjectShape {
    return this.#shape;
  }

  key(namespace: string | undefined, name: string): string {
    return this.#shape.namespaced ? `${this.prefix}${namespace ?? ''}/${name}` : this.prefix + name;
  }

  /** The object as the cache has it: may be a moment old. */
  async cached(namespace: string | undefined, name: string): Promise<StoredObject | undefined> {
    await this.cache.ready();
    return this.cache.get(namespace ?? '', name);
  }

  /** The object as it is now. */
  async current(namespace: string | undefined, name: string): Promise<StoredObject | undefined> {
    await this.cache.fresh();
    return this.cache.get(namespace ?? '', name);
  }

  /** The object as it was right after commit `revision`. */
  async at(namespace: string | undefined, name: string, revision: Revision): Promise<StoredObject | undefined> {
    const entry = await this.#store.get(this.key(namespace, name), revision);
    return entry && new StoredObject(this.#shape, entry.key, Buffer.from(entry.value), entry.revision);
  }

  /** Entries of a snapshot, a page at a time. */
  async range(prefix: string, options: { after?: string; limit: number; at: Revision }): Promise<RangePage> {
    const { entries, more, remaining } = await this.#store.range(prefix, options);
    const items = entries.map(({ key, value, revision }) => new StoredObject(this.#shape, key, asBuffer(value), revision));
    return { items, more, remaining };
  }

  /** Writes the object, which belongs to the storage from now on, if it was last written by commit `expected` (0: is not there). */
  async put(key: string, object: KubernetesObject, write: PutOptions): Promise<StoredObject> {
    const draft = StoredObject.draft(this.#shape, key, object);
    const { companions = NO_COMPANIONS, ttlSeconds } = write;
    const put: Write = { type: 'put', key, value: draft.value, ...(ttlSeconds !== undefined && { ttlSeconds }) };
    this.#pending.add(draft);
    try {
      const revision = await this.#commit([put, ...companions.writes], [{ key, revision: write.expected }, ...companions.guards]);
      draft.commit(revision);
      return draft;
    } catch (error) {
      this.#pending.drop(draft);
      throw error;
    }
  }

  /** Removes the object if it is still the same, and gives it as it was, at the revision of its deletion. */
  async remove(item: StoredObject, companions: Companions = NO_COMPANIONS): Promise<StoredObject> {
    const { key, revision } = item;
    const deleted = await this.#commit(
      [{ type: 'delete', key }, ...companions.writes],
      [{ key, revision }, ...companions.guards],
    );
    return item.at(deleted);
  }

  async #commit(writes: readonly Write[], guards: readonly Guard[]): Promise<Revision> {
    try {
      return await this.#store.commit(writes, guards);
    } catch (error) {
      if (isReason(error, 'RequestEntityTooLarge')) {
        throw new KeelsonError('RequestEntityTooLarge', `Request entity too large: ${error.message}`, { cause: error });
      }
      throw error;
    }
  }
}

export interface RangePage {
  readonly items: readonly StoredObject[];
  readonly more: boolean;
  readonly remaining: number;
}

export interface PutOptions {
  readonly expected: Revision;
  readonly companions?: Companions | undefined;
  readonly ttlSeconds?: number | undefined;
}

/** Storages by resource, made on first use; versions of a kind share one. */
export class Storages {
  readonly #deps: { readonly store: Store; readonly clock: Clock; readonly logger: Logger };
  readonly #progress: Progress;
  readonly #pending = new PendingWrites();
  readonly #recent = new RecentObjects();
  readonly #byPrefix = new Map<string, ResourceStorage>();

  constructor(deps: { readonly store: Store; readonly clock: Clock; readonly logger: Logger }) {
    this.#deps = deps;
    this.#progress = new Progress(deps.store, deps.clock);
  }

  /** The definition must be of a kind that is stored. */
  of(definition: ResourceDefinition): ResourceStorage {
    const { storage } = definition;
    if (!storage) throw new KeelsonError('InternalError', `Kind "${definition.kind}" is never stored`);
    const known = this.#byPrefix.get(storage.prefix);
    return known ?? this.#make(definition, storage);
  }

  /** Those in use. */
  [Symbol.iterator](): Iterator<ResourceStorage> {
    return this.#byPrefix.values();
  }

  close(): void {
    for (const { cache } of this.#byPrefix.values()) cache.close();
    this.#progress.close();
  }

  #make(definition: ResourceDefinition, storage: NonNullable<ResourceDefinition['storage']>): ResourceStorage {
    const prefix = `/registry/${storage.prefix}/`;
    const shape: ObjectShape = {
      kind: storageKind(storage.group, storage.version, definition.kind),
      namespaced: definition.namespaced,
      fields: apiFieldsOf(definition),
      remember: this.#recent.remember,
    };
    const indexedField = definition.fieldSelectors.includes('spec.nodeName') ? 'spec.nodeName' : undefined;
    const deps = { ...this.#deps, progress: this.#progress, pending: this.#pending };
    const cache = new WatchCache(deps, { prefix, shape, indexedField });
    const made = new ResourceStorage({ store: this.#deps.store, pending: this.#pending, cache }, prefix);
    this.#byPrefix.set(storage.prefix, made);
    return made;
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
