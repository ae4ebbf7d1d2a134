import type { Kind, KubernetesObject } from '@keelson/api';
import type { Observable } from 'rxjs';
import type { Transport, WatchEvent } from './transport.ts';

/** A list as the API answers it. Items carry `apiVersion` and `kind`. */
export interface ObjectList<T> {
  readonly items: readonly T[];
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string; readonly remainingItemCount?: number };
}

export interface ListOptions {
  /** One namespace; all if absent. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly limit?: number;
  readonly continue?: string;
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: 'Exact' | 'NotOlderThan';
  readonly signal?: AbortSignal;
}

export interface WatchOptions extends Omit<ListOptions, 'limit' | 'continue'> {
  readonly allowWatchBookmarks?: boolean;
  readonly sendInitialEvents?: boolean;
  readonly timeoutSeconds?: number;
}

export interface WriteOptions {
  readonly fieldManager?: string;
  readonly dryRun?: boolean;
  readonly fieldValidation?: 'Ignore' | 'Warn' | 'Strict';
  readonly signal?: AbortSignal;
}

export interface DeleteOptions extends Omit<WriteOptions, 'fieldManager' | 'fieldValidation'> {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

export type PatchType = 'json' | 'merge' | 'strategic' | 'apply';

/** Where an object is. `namespace` is left out for kinds that have none. */
export interface ObjectName {
  readonly name: string;
  readonly namespace?: string | undefined;
}

/**
 * Reads and writes the objects of one kind. Objects that come back may be frozen and shared with caches: `structuredClone` before changing.
 * Rejections are `KeelsonError`s with the server's reason.
 */
export interface ResourceClient<T extends KubernetesObject> {
  get(name: ObjectName, options?: { readonly resourceVersion?: string; readonly signal?: AbortSignal }): Promise<T>;
  /** `undefined` where `get` would reject with `NotFound`. */
  find(name: ObjectName, options?: { readonly signal?: AbortSignal }): Promise<T | undefined>;
  list(options?: ListOptions): Promise<ObjectList<T>>;
  watch(options?: WatchOptions): Observable<readonly WatchEvent<T>[]>;
  /** The namespace is the object's own. */
  create(object: T, options?: WriteOptions): Promise<T>;
  /** Replaces the object; fails with `Conflict` if its `resourceVersion` is not the current one. */
  update(object: T, options?: WriteOptions): Promise<T>;
  patch(name: ObjectName, type: PatchType, patch: unknown, options?: WriteOptions & { readonly force?: boolean }): Promise<T>;
  delete(name: ObjectName, options?: DeleteOptions): Promise<void>;
  deleteCollection(list?: ListOptions, options?: DeleteOptions): Promise<void>;
  /** Reads and writes of a subresource that has the same kind of object: `status`, `finalize`, `ephemeralcontainers`, `resize`. */
  updateStatus(object: T, options?: WriteOptions): Promise<T>;
  patchStatus(
    name: ObjectName,
    type: PatchType,
    patch: unknown,
    options?: WriteOptions & { readonly force?: boolean },
  ): Promise<T>;
  /** Any subresource: `binding`, `eviction`, `scale`, `token`... Gives the parsed answer. */
  subresource(name: ObjectName, call: SubresourceCall): Promise<unknown>;
}

export interface SubresourceCall extends WriteOptions {
  readonly subresource: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH';
  readonly body?: unknown;
  readonly patchType?: PatchType;
}

/** A Kubernetes API, by kind. Cheap to make and to pass around; holds no state but its transport. */
export interface Client {
  readonly transport: Transport;
  resource<T extends KubernetesObject>(kind: Kind<T>): ResourceClient<T>;
}
