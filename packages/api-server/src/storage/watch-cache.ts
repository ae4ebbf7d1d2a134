import { expired, resourceVersionTooLarge } from '@keelson/api';
import { errorMessage, KeelsonError, type Clock, type Logger } from '@keelson/base';
import type { Revision, Store, StoreEvent } from '@keelson/store';
import type { Subscription } from 'rxjs';
import { CacheEvent, WatchNote } from './cache-event.ts';
import { asBuffer, EntryReader } from './entry-reader.ts';
import { EventRing } from './event-ring.ts';
import type { Eventually, ObjectCodec } from './object-codec.ts';
import { ObjectTree } from './object-tree.ts';
import type { PendingWrites } from './pending-writes.ts';
import type { Progress } from './progress.ts';
import { selects } from './selection.ts';
import { StoredObject, type ObjectShape } from './stored-object.ts';
import { translate, WatcherIndex, type Watcher } from './watcher-index.ts';

export interface WatchCacheDependencies {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly progress: Progress;
  readonly pending: PendingWrites;
}

export interface WatchCacheOptions {
  /** `/registry/pods/` */
  readonly prefix: string;
  readonly shape: ObjectShape;
  /** For a kind whose objects are not held as they are stored. */
  readonly codec?: ObjectCodec | undefined;
  /** See `WatcherIndex`. */
  readonly indexedField?: string | undefined;
  /** How many changes can be watched again, at least. */
  readonly history?: number;
}

/** From where a watcher wants to be told. */
export type WatchStart =
  /** What is there, as `ADDED`, then changes. */
  | { readonly from: 'state' }
  /** Changes after the revision. */
  | { readonly from: 'revision'; readonly revision: Revision };

const LOAD_PAGE = 2_000;
const HISTORY = 1_024;
const BOOKMARK_MS = 60_000;
/** Changes that may wait for a slow codec; then the cache starts again. */
const MAX_WAITING = 10_000;
/** How long a consistent read waits for what has been committed already. */
const FRESH_WAIT_MS = 10_000;
/** How long a read of a revision that is not there yet waits for it. */
const FUTURE_WAIT_MS = 3_000;

/**
 * Hot path: all objects of one resource in memory, following the store, and whoever watches them. It loads on first use. When it loses the
 * store's watch, its watchers are ended and it loads again.
 */
export class WatchCache {
  readonly #deps: WatchCacheDependencies;
  readonly #options: WatchCacheOptions;
  readonly #index: WatcherIndex;
  readonly #reader: EntryReader;
  readonly #bookmarkers = new Set<Watcher>();
  #tree = new ObjectTree();
  #ring = new EventRing(HISTORY, 0);
  #loading: Promise<void> | undefined;
  #live = false;
  /** Changes that wait for the codec, in order; a new one each time the cache loads. */
  #waiting: Waiting = { events: 0, last: undefined };
  #retired = false;
  #last: Revision = 0;
  #subscription: Subscription | undefined;
  #bookmarkTimer: Disposable | undefined;
  #closed = false;

  constructor(deps: WatchCacheDependencies, options: WatchCacheOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#index = new WatcherIndex(options.indexedField);
    this.#reader = new EntryReader(options.shape, deps.pending, options.codec);
  }

  get shape(): ObjectShape {
    return this.#options.shape;
  }

  get watchers(): number {
    return this.#index.size;
  }

  get size(): number {
    return this.#tree.size;
  }

  /** Everything up to this revision is in here. */
  get revision(): Revision {
    return this.#live && this.#waiting.events === 0 ? Math.max(this.#last, this.#deps.progress.revision) : this.#last;
  }

  /** Resolves when the cache can be read. */
  async ready(): Promise<void> {
    if (this.#live) return;
    if (this.#closed) throw new KeelsonError('ServiceUnavailable', 'The API server is shutting down');
    this.#loading ??= this.#load().finally(() => (this.#loading = undefined));
    await this.#loading;
  }

  /** Resolves when the cache has all that the store has now. */
  async fresh(): Promise<void> {
    await this.ready();
    const revision = await this.#deps.store.revision();
    if (this.revision >= revision) return;
    if (await this.#deps.progress.reach(() => this.revision >= revision, FRESH_WAIT_MS)) return;
    throw new KeelsonError(
      'ServiceUnavailable',
      `Cannot read: the cache is at revision ${this.revision}, the store at ${revision}`,
    );
  }

  /** Resolves when the cache has `revision`; `Timeout` if that takes more than three seconds. */
  async reach(revision: Revision): Promise<void> {
    await this.ready();
    if (this.revision >= revision) return;
    const reached = await this.#deps.progress.reach(() => this.revision >= revision, FUTURE_WAIT_MS);
    if (!reached) throw resourceVersionTooLarge(revision, this.revision);
  }

  get(namespace: string, name: string): StoredObject | undefined {
    return this.#tree.get(namespace, name);
  }

  /** In the order of keys. */
  list(namespace?: string): StoredObject[] {
    return this.#tree.list(namespace);
  }

  /**
   * Starts to tell `watcher`, which is given what it asked for before this returns. The cache must be ready. Throws `Expired` if changes
   * since the revision are no longer known. Gives the revision that the watcher has then seen.
   */
  watch(watcher: Watcher, start: WatchStart): Revision {
    const revision = this.revision;
    const notes = start.from === 'state' ? this.#stateNotes(watcher) : this.#notesSince(watcher, start.revision);
    this.#index.add(watcher);
    if (notes.length > 0) watcher.notes(notes);
    if (this.#retired) this.endWatches();
    return revision;
  }

  unwatch(watcher: Watcher): void {
    this.#index.delete(watcher);
    this.#bookmarkers.delete(watcher);
    if (this.#bookmarkers.size > 0) return;
    this.#bookmarkTimer?.[Symbol.dispose]();
    this.#bookmarkTimer = undefined;
  }

  /** From now on the watcher is also told, about once a minute, how far it is. */
  bookmark(watcher: Watcher): void {
    this.#bookmarkers.add(watcher);
    this.#bookmarkTimer ??= this.#deps.clock.every(BOOKMARK_MS, () => {
      for (const each of this.#bookmarkers) each.bookmark?.(this.revision);
    });
  }

  /** Ends all watchers, and new ones at once; reads go on to be answered, for requests that have begun. */
  retire(): void {
    this.#retired = true;
    this.endWatches();
  }

  /** Ends all watchers and lets go of the store. */
  close(): void {
    this.#closed = true;
    this.#reset(undefined);
  }

  #stateNotes(watcher: Watcher): WatchNote[] {
    const { selection } = watcher;
    const notes: WatchNote[] = [];
    for (const item of this.#tree.list(selection.namespace)) {
      if (selects(selection, item)) notes.push(new WatchNote('ADDED', item));
    }
    return notes;
  }

  #notesSince(watcher: Watcher, revision: Revision): WatchNote[] {
    if (revision < this.#ring.since) throw expired(revision, this.#ring.since);
    const { namespace, name } = watcher.selection;
    const notes: WatchNote[] = [];
    for (const event of this.#ring.after(revision)) {
      const { item } = event.plain;
      if (namespace !== undefined && item.namespace !== namespace) continue;
      if (name !== undefined && item.name !== name) continue;
      const note = translate(watcher, event);
      if (note) notes.push(note);
    }
    return notes;
  }

  async #load(): Promise<void> {
    const { store } = this.#deps;
    const { prefix, history = HISTORY } = this.#options;
    const tree = new ObjectTree();
    let page = await store.range(prefix, { limit: LOAD_PAGE });
    const { revision } = page;
    for (;;) {
      for (const item of await this.#reader.read(page.entries)) tree.set(item);
      const last = page.entries.at(-1);
      if (!page.more || !last) break;
      page = await store.range(prefix, { after: last.key, limit: LOAD_PAGE, at: revision });
    }
    if (this.#closed) return;
    this.#tree = tree;
    this.#ring = new EventRing(history, revision);
    this.#last = revision;
    this.#waiting = { events: 0, last: undefined };
    let lost = false;
    const subscription = store.watch(prefix, revision).subscribe({
      next: (events) => this.#receive(events),
      error: (error: unknown) => {
        lost = true;
        this.#lose(error);
      },
      complete: () => {
        lost = true;
        this.#lose(undefined);
      },
    });
    if (lost) throw new KeelsonError('ServiceUnavailable', `Cannot watch "${prefix}" in the store`);
    this.#subscription = subscription;
    this.#live = true;
  }

  #lose(error: unknown): void {
    if (error !== undefined) {
      this.#deps.logger.warn('lost the watch of the store', { prefix: this.#options.prefix, error: errorMessage(error) });
    }
    this.#reset(undefined);
  }

  #reset(error: Error | undefined): void {
    this.#live = false;
    this.#subscription?.unsubscribe();
    this.#subscription = undefined;
    this.endWatches(error);
  }

  /** Ends all watchers there are now. */
  endWatches(error?: Error): void {
    for (const watcher of Array.from(this.#index.all())) {
      this.unwatch(watcher);
      watcher.end(error);
    }
  }

  /** Changes are told in order: what waits for the codec holds back all that comes behind it. */
  #receive(events: readonly StoreEvent[]): void {
    if (!this.#options.codec) return this.#apply(events);
    const waiting = this.#waiting;
    if (!waiting.last) {
      const items = this.#itemsOf(events);
      if (!(items instanceof Promise)) return this.#apply(events, items);
      return this.#wait(waiting, events, () => items);
    }
    this.#wait(waiting, events, () => this.#itemsOf(events));
  }

  #itemsOf(events: readonly StoreEvent[]): Eventually<readonly StoredObject[]> {
    return this.#reader.read(events.flatMap((event) => (event.type === 'put' ? [event.entry] : [])));
  }

  #wait(waiting: Waiting, events: readonly StoreEvent[], read: () => Eventually<readonly StoredObject[]>): void {
    waiting.events += events.length;
    if (waiting.events > MAX_WAITING) return this.#lose(new Error('changes come faster than they can be converted'));
    const turn = async (): Promise<void> => {
      const items = await read();
      if (waiting !== this.#waiting || !this.#live) return;
      waiting.events -= events.length;
      if (waiting.events === 0) waiting.last = undefined;
      this.#apply(events, items);
    };
    waiting.last = (waiting.last ?? Promise.resolve()).then(turn).catch((error: unknown) => {
      if (waiting === this.#waiting && this.#live) this.#lose(error);
    });
  }

  /** `items` are what a codec has made of the puts among the events, in order. */
  #apply(events: readonly StoreEvent[], items: readonly StoredObject[] = NO_ITEMS): void {
    const [first] = events;
    if (events.length === 1 && first) {
      const event = this.#change(first, items[0]);
      const plain = [event.plain];
      this.#index.visit(event, (watcher, note) => watcher.notes(note === event.plain ? plain : [note]));
      event.release();
    } else {
      this.#applyMany(events, items);
    }
    this.#deps.progress.moved();
  }

  #applyMany(events: readonly StoreEvent[], items: readonly StoredObject[]): void {
    const shares = new Map<Watcher, WatchNote[]>();
    let at = 0;
    const changes = events.map((event) => this.#change(event, event.type === 'put' ? items[at++] : undefined));
    for (const change of changes) {
      this.#index.visit(change, (watcher, note) => {
        const share = shares.get(watcher);
        if (share) share.push(note);
        else shares.set(watcher, [note]);
      });
    }
    for (const [watcher, notes] of shares) watcher.notes(notes);
    for (const change of changes) change.release();
  }

  #change(event: StoreEvent, item: StoredObject | undefined): CacheEvent {
    const change = event.type === 'put' ? this.#put(item ?? this.#reader.adopt(event.entry)) : this.#delete(event);
    this.#last = change.revision;
    this.#ring.push(change);
    return change;
  }

  #put(item: StoredObject): CacheEvent {
    const previous = this.#tree.set(item);
    return new CacheEvent(previous ? 'MODIFIED' : 'ADDED', item, previous);
  }

  #delete(event: Extract<StoreEvent, { type: 'delete' }>): CacheEvent {
    const { shape } = this.#options;
    const gone = new StoredObject(shape, event.key, asBuffer(event.previous.value), event.revision);
    const previous = this.#tree.delete(gone.namespace, gone.name);
    return new CacheEvent('DELETED', previous?.at(event.revision) ?? gone, previous);
  }
}

const NO_ITEMS: readonly StoredObject[] = [];

interface Waiting {
  events: number;
  last: Promise<void> | undefined;
}
