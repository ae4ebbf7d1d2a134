import type { Kind, KubernetesObject } from '@keelson/api';
import type { Runnable } from '@keelson/base';
import type { Observable } from 'rxjs';

/** A change of an informer's cache. Objects are frozen. */
export type Delta<T> =
  /** `initial`: part of the first list. */
  | { readonly type: 'added'; readonly object: T; readonly initial: boolean }
  | { readonly type: 'updated'; readonly object: T; readonly old: T }
  /** With the last state that is known. */
  | { readonly type: 'deleted'; readonly object: T };

/** The values under which an index finds an object. */
export type IndexFunction<T> = (object: T) => readonly string[];

/** Which objects of a kind an informer holds; all if empty. */
export interface InformerSelection {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface InformerOptions<T> extends InformerSelection {
  readonly indexers?: Readonly<Record<string, IndexFunction<T>>>;
  /** Hold nothing but `metadata`, nor send more, where the server can leave out the rest: for kinds that are large, or of which names are enough. */
  readonly metadataOnly?: boolean;
  /** Makes what the cache holds of each object, such as one without `managedFields`. It must not change its argument, nor name, uid or version. */
  readonly transform?: (object: T) => T;
}

/** Read access to a cache. Keys are `namespace/name`, or `name` for kinds without a namespace. */
export interface Lister<T> {
  readonly size: number;
  get(name: string, namespace?: string): T | undefined;
  getByKey(key: string): T | undefined;
  list(namespace?: string): readonly T[];
  byIndex(index: string, value: string): readonly T[];
}

/** What keeps a cache up to date is doing. */
export interface ReflectorState {
  readonly phase: 'listing' | 'watching' | 'retrying';
  /** Failures in a row. */
  readonly attempt: number;
  /** Of the last failure, while retrying. */
  readonly error?: string;
  /** Since when, by the clock's `now`. */
  readonly sinceMs: number;
}

/** A cache of the objects of one kind that follows the API by itself, whatever happens to the connection. */
export interface Informer<T extends KubernetesObject> extends Runnable, Lister<T> {
  readonly kind: Kind<T>;
  readonly synced: boolean;
  /** Resolves once the first list is in the cache. */
  whenSynced(signal?: AbortSignal): Promise<void>;
  /**
   * All changes in order, one array a batch. A subscriber is first given what is there, as `added` and `initial`. Never errors; completes
   * when the informer stops.
   */
  readonly deltas$: Observable<readonly Delta<T>[]>;
  /** Replays the last one. Completes when the informer stops. */
  readonly state$: Observable<ReflectorState>;
  addIndexer(name: string, index: IndexFunction<T>): void;
  /**
   * Resolves as soon as `check` holds, which is asked at once and then whenever the cache has moved on. Rejects with the signal's reason,
   * and with `ServiceUnavailable` when the informer stops.
   */
  until(check: () => boolean, signal: AbortSignal): Promise<void>;
  /** What was asked for. */
  readonly selection: InformerSelection;
  /** The newest one that the cache is known to hold. */
  readonly resourceVersion: string | undefined;
}
