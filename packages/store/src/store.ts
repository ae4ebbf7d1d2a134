import type { Observable } from 'rxjs';

/**
 * A number that grows by one with each commit to a store, over all keys and whoever makes it. The empty store is at 1, as etcd is. A safe
 * integer.
 */
export type Revision = number;

/** A path such as `/registry/pods/default/web-0`: at most 1,024 bytes of UTF-8, ordered by bytes. */
export type Key = string;

/** What is stored under a key at some revision. Bytes that a store hands out must not be changed, and stay valid. */
export interface Entry {
  readonly key: Key;
  readonly value: Uint8Array;
  /** The commit that wrote this value. */
  readonly revision: Revision;
  /** The commit since which the key exists without a break. */
  readonly createRevision: Revision;
}

export interface RangeOptions {
  /** Start behind this key. */
  readonly after?: Key;
  /** At most so many entries; all if absent. */
  readonly limit?: number;
  /** Read the state as it was right after this commit; the newest if absent. */
  readonly at?: Revision;
}

export interface RangeResult {
  readonly entries: readonly Entry[];
  /** The revision that was read. */
  readonly revision: Revision;
  /** True if `limit` cut the result. */
  readonly more: boolean;
  /** How many entries under the prefix come behind the last one of `entries`. */
  readonly remaining: number;
}

export interface Put {
  readonly type: 'put';
  readonly key: Key;
  /** The store keeps this array and hands it out: it must not be changed afterwards. */
  readonly value: Uint8Array;
  /** Delete the key once so much time has passed since this commit, give or take a few seconds; unless it is written again. */
  readonly ttlSeconds?: number;
}

export interface Delete {
  readonly type: 'delete';
  readonly key: Key;
}

export type Write = Put | Delete;

/** Holds if `key` was last written by commit `revision`; 0 means that it must not exist. */
export interface Guard {
  readonly key: Key;
  readonly revision: Revision;
}

/** One key changed. `previous` is what was there before; absent if the key is new. */
export type StoreEvent =
  | { readonly type: 'put'; readonly entry: Entry; readonly previous?: Entry }
  | { readonly type: 'delete'; readonly key: Key; readonly revision: Revision; readonly previous: Entry };

/**
 * A revisioned, watchable key-value store: the part of etcd v3's contract that an API server needs.
 *
 * Reads see every commit that has resolved before they were called, in this process and any other. All methods reject with
 * `ServiceUnavailable` after `close`, and with `ServiceUnavailable` or `Timeout` when the store cannot be reached or written (disk full
 * or read-only, for example); then earlier data stays readable. A commit that rejects has left nothing behind, with one exception: after
 * `Timeout` nobody knows whether it was made, or will be in a moment. Read, and decide by what is there.
 */
export interface Store {
  /** The newest revision. */
  revision(): Promise<Revision>;

  /** The entry of `key`, now or right after commit `at`. `Expired` if `at` is compacted, `Timeout` if it lies in the future. */
  get(key: Key, at?: Revision): Promise<Entry | undefined>;

  /** The entries whose keys start with `prefix`, in the order of their keys, as one snapshot. Errors as `get`. */
  range(prefix: Key, options?: RangeOptions): Promise<RangeResult>;

  /**
   * All writes or none, under one new revision, durable once resolved (unless the store was opened otherwise). Deleting a key that does
   * not exist is no write; a commit without any effect gives the current revision. `Conflict` if a guard does not hold;
   * `RequestEntityTooLarge` if a key or value, or all of them together, are over the limit: 100 writes and as many guards, of 1 MiB in all,
   * are under it with every driver. A key may be named once in `writes`.
   */
  commit(writes: readonly Write[], guards?: readonly Guard[]): Promise<Revision>;

  /**
   * Every commit that touches a key under `prefix` after revision `after`: in order, each once, one array a commit, until unsubscribed.
   * Does not complete, but with `close`. Errors with `Expired` if `after` has been compacted away, or if the reader falls too far behind.
   */
  watch(prefix: Key, after: Revision): Observable<readonly StoreEvent[]>;

  /**
   * Emits the newest revision when every watch of this store that is subscribed has been given all events up to it; at once on
   * subscribing, then whenever it grows. What a cache needs to know that it is not stale.
   */
  readonly progress$: Observable<Revision>;

  /** Forgets all that was overwritten or deleted at or before `upTo`: reads and watches of older revisions then fail with `Expired`. */
  compact(upTo: Revision): Promise<void>;

  /** Ends all watches, waits for commits under way and releases files and connections. */
  close(): Promise<void>;
}
