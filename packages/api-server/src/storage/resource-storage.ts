import { assert, isReason, KeelsonError, type Clock, type Logger } from '@keelson/base';
import type { KubernetesObject } from '@keelson/api';
import type { Entry, Guard, Revision, Store, Write } from '@keelson/store';
import { apiFieldsOf } from '../registry/field-values.ts';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import type { Companions } from '../registry/strategy.ts';
import { PendingWrites } from './pending-writes.ts';
import { Progress } from './progress.ts';
import { EntryReader } from './entry-reader.ts';
import type { ObjectCodec } from './object-codec.ts';
import { RecentObjects } from './recent-objects.ts';
import { storageKind, type StorageKind } from './storage-kind.ts';
import { encode, StoredObject, type ObjectShape } from './stored-object.ts';
import { WatchCache } from './watch-cache.ts';

const NO_COMPANIONS: Companions = { writes: [], guards: [] };
/** As long as a request may take. */
const RETIREMENT_MS = 60_000;

interface StorageParts {
  readonly store: Store;
  readonly pending: PendingWrites;
  readonly cache: WatchCache;
  readonly prefix: string;
  readonly resourceName: string;
  readonly coding: Coding | undefined;
}

/** For kinds whose objects are not held as they are stored. */
interface Coding {
  readonly codec: ObjectCodec;
  /** What they are stored as. */
  readonly stored: StorageKind;
}

/** The objects of one resource in the store: as they are stored, or with a codec as one version has them. */
export class ResourceStorage {
  readonly cache: WatchCache;
  readonly prefix: string;
  /** As metrics name it: `pods`, `deployments.apps`. */
  readonly resourceName: string;
  readonly #store: Store;
  readonly #shape: ObjectShape;
  readonly #pending: PendingWrites;
  readonly #coding: Coding | undefined;
  readonly #reader: EntryReader;

  constructor({ store, pending, cache, prefix, resourceName, coding }: StorageParts) {
    this.#store = store;
    this.#pending = pending;
    this.cache = cache;
    this.#shape = cache.shape;
    this.prefix = prefix;
    this.resourceName = resourceName;
    this.#coding = coding;
    this.#reader = new EntryReader(cache.shape, pending, coding?.codec);
  }

  get shape(): ObjectShape {
    return this.#shape;
  }

  key(namespace: string | undefined, name: string): string {
    return this.#shape.namespaced ? `${this.prefix}${namespace ?? ''}/${name}` : this.prefix + name;
  }

  /** The object as the cache has it: may be a moment old. */
  async cached(namespace: string | undefined, name: string): Promise<StoredObject | undefined> {
    return this.#find(namespace, name, () => this.cache.ready());
  }

  /** The object as it is now. */
  async current(namespace: string | undefined, name: string): Promise<StoredObject | undefined> {
    return this.#find(namespace, name, () => this.cache.fresh());
  }

  /** One object can also be read if another one cannot, because nobody can convert it. */
  async #find(namespace: string | undefined, name: string, ready: () => Promise<void>): Promise<StoredObject | undefined> {
    try {
      await ready();
    } catch (error) {
      if (!this.#coding) throw error;
      return this.#read(await this.#store.get(this.key(namespace, name)));
    }
    return this.cache.get(namespace ?? '', name);
  }

  async #read(entry: Entry | undefined): Promise<StoredObject | undefined> {
    if (!entry) return undefined;
    const [item] = await this.#reader.read([entry]);
    return item;
  }

  /** The object as it was right after commit `revision`. */
  async at(namespace: string | undefined, name: string, revision: Revision): Promise<StoredObject | undefined> {
    return this.#read(await this.#store.get(this.key(namespace, name), revision));
  }

  /** Entries of a snapshot, a page at a time. */
  async range(prefix: string, options: { after?: string; limit: number; at: Revision }): Promise<RangePage> {
    const { entries, more, remaining } = await this.#store.range(prefix, options);
    return { items: await this.#reader.read(entries), more, remaining };
  }

  /** Writes the object, which belongs to the storage from now on, if it was last written by commit `expected` (0: is not there). */
  async put(key: string, object: KubernetesObject, write: PutOptions): Promise<StoredObject> {
    if (this.#coding) {
      const stored = await this.#coding.codec.write(object);
      if (stored !== object) return this.#putOther(key, stored, write);
    }
    const draft = StoredObject.draft(this.#shape, key, object);
    this.#pending.add(draft);
    try {
      draft.commit(await this.#write(key, draft.value, write));
      return draft;
    } catch (error) {
      this.#pending.drop(draft);
      throw error;
    }
  }

  /** Whether the store has the object in another version than it would be written in now. */
  async isOutdated({ key, revision }: StoredObject): Promise<boolean> {
    if (!this.#coding) return false;
    const { head } = this.#coding.stored;
    const entry = await this.#store.get(key);
    return entry?.revision === revision && !head.equals(entry.value.subarray(0, head.length));
  }

  /** What is stored in another version is read back, as everybody else will read it. */
  async #putOther(key: string, stored: KubernetesObject, write: PutOptions): Promise<StoredObject> {
    const value = encode(this.#coding?.stored ?? this.#shape.kind, stored);
    const revision = await this.#write(key, value, write);
    const [item] = await this.#reader.read([{ key, value, revision, createRevision: write.expected || revision }]);
    assert(item, 'a codec gives as many objects as it gets');
    return item;
  }

  #write(key: string, value: Buffer, { expected, companions = NO_COMPANIONS, ttlSeconds }: PutOptions): Promise<Revision> {
    const put: Write = { type: 'put', key, value, ...(ttlSeconds !== undefined && { ttlSeconds }) };
    return this.#commit([put, ...companions.writes], [{ key, revision: expected }, ...companions.guards]);
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

/** Storages by resource, made on first use; versions of a kind share one, unless each has a codec. */
export class Storages {
  readonly #deps: { readonly store: Store; readonly clock: Clock; readonly logger: Logger };
  readonly #progress: Progress;
  readonly #pending = new PendingWrites();
  readonly #recent = new RecentObjects();
  readonly #known = new Map<string | ObjectCodec, ResourceStorage>();
  readonly #retired = new Map<ResourceStorage, Disposable>();
  #isEnding = false;

  constructor(deps: { readonly store: Store; readonly clock: Clock; readonly logger: Logger }) {
    this.#deps = deps;
    this.#progress = new Progress(deps.store, deps.clock);
  }

  /** The definition must be of a kind that is stored. */
  of(definition: ResourceDefinition): ResourceStorage {
    const { storage } = definition;
    if (!storage) throw new KeelsonError('InternalError', `Kind "${definition.kind}" is never stored`);
    return this.#known.get(storage.codec ?? storage.prefix) ?? this.#make(definition, storage);
  }

  /** Those in use. */
  [Symbol.iterator](): Iterator<ResourceStorage> {
    return this.#known.values();
  }

  /** Ends the watches of a storage that will not be asked for again; requests that use it already are still served for a while. */
  retire(codec: ObjectCodec): void {
    const storage = this.#known.get(codec);
    if (!storage) return;
    this.#known.delete(codec);
    storage.cache.retire();
    const timer = this.#deps.clock.after(RETIREMENT_MS, () => {
      this.#retired.delete(storage);
      storage.cache.close();
    });
    this.#retired.set(storage, timer);
  }

  /** True once watches have ended for good, though reads and writes are still served. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** Ends all watches; whatever else is under way is still served, until `close`. */
  endWatches(): void {
    this.#isEnding = true;
    for (const { cache } of this.#known.values()) cache.endWatches();
  }

  close(): void {
    for (const { cache } of this.#known.values()) cache.close();
    for (const [{ cache }, timer] of this.#retired) {
      timer[Symbol.dispose]();
      cache.close();
    }
    this.#progress.close();
  }

  #make(definition: ResourceDefinition, storage: NonNullable<ResourceDefinition['storage']>): ResourceStorage {
    const { codec, group, version } = storage;
    const prefix = `/registry/${storage.prefix}/`;
    const stored = storageKind(group, version, definition.kind);
    const shape: ObjectShape = {
      kind: codec ? storageKind(group, definition.version, definition.kind) : stored,
      namespaced: definition.namespaced,
      fields: apiFieldsOf(definition),
      remember: this.#recent.remember,
    };
    const indexedField = definition.fieldSelectors.includes('spec.nodeName') ? 'spec.nodeName' : undefined;
    const deps = { ...this.#deps, progress: this.#progress, pending: this.#pending };
    const cache = new WatchCache(deps, { prefix, shape, codec, indexedField });
    const coding = codec && { codec, stored };
    const resourceName = definition.group === '' ? definition.resource : `${definition.resource}.${definition.group}`;
    const made = new ResourceStorage({ store: this.#deps.store, pending: this.#pending, cache, prefix, resourceName, coding });
    this.#known.set(codec ?? storage.prefix, made);
    return made;
  }
}
