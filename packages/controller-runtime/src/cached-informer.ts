import { keyOf, type Kind, type KubernetesObject } from '@keelson/api';
import { KeelsonError, TaskGroup, type Clock, type Logger } from '@keelson/base';
import { createClient, type Client, type WatchEvent } from '@keelson/client';
import { Observable, Subject } from 'rxjs';
import type { Delta, IndexFunction, Informer, InformerOptions, InformerSelection, ReflectorState } from './informer.ts';
import { metadataTransport } from './metadata-transport.ts';
import { ObjectCache } from './object-cache.ts';
import { Reflector, type Reflected } from './reflector.ts';
import { isOlder } from './resource-version.ts';

interface Dependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random?: () => number;
}

interface Waiter {
  readonly check: () => boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** How old a cache may become without being compared with all that the server has. */
const MAX_AGE_MS = 6 * 3_600_000;

export interface CachedInformerOptions<T> extends InformerOptions<T> {
  /**
   * After how long everything is asked for anew, and told as far as it differs; stretched by up to as much again at random, and until the
   * watch ends that then runs (10 minutes at most). Default 6 hours.
   */
  readonly maxAgeMs?: number;
}

/** A cache that a reflector keeps equal to the API. */
export class CachedInformer<T extends KubernetesObject> implements Informer<T> {
  readonly name: string;
  readonly kind: Kind<T>;
  readonly #options: InformerOptions<T>;
  readonly #logger: Logger;
  readonly #reflector: Reflector<T>;
  readonly #cache: ObjectCache<T>;
  readonly #deltas = new Subject<readonly Delta<T>[]>();
  readonly #tasks: TaskGroup;
  readonly #waiters = new Set<Waiter>();
  readonly #synced = Promise.withResolvers<void>();
  #isSynced = false;
  #isStarted = false;

  constructor(
    kind: Kind<T>,
    { client, clock, logger, random = Math.random }: Dependencies,
    { maxAgeMs = MAX_AGE_MS, ...options }: CachedInformerOptions<T> = {},
  ) {
    this.name = `informer of ${kind.resource}`;
    this.kind = kind;
    this.#options = options;
    this.#logger = logger;
    this.#cache = new ObjectCache(options.indexers);
    this.#tasks = new TaskGroup(logger);
    const target: Reflected<T> = {
      replace: (objects) => this.#replace(objects),
      apply: (events) => this.#apply(events),
      caughtUp: () => this.#tellWaiters(),
    };
    const source = options.metadataOnly ? createClient(metadataTransport(client.transport)) : client;
    this.#reflector = new Reflector(
      kind,
      { client: source, clock, logger, random, target },
      { selection: this.selection, maxAgeMs },
    );
  }

  get synced(): boolean {
    return this.#isSynced;
  }

  get resourceVersion(): string | undefined {
    return this.#reflector.resourceVersion;
  }

  get size(): number {
    return this.#cache.size;
  }

  get state$(): Observable<ReflectorState> {
    return this.#reflector.state$;
  }

  get deltas$(): Observable<readonly Delta<T>[]> {
    return new Observable((subscriber) => {
      const present = this.#cache.list().map((object): Delta<T> => ({ type: 'added', object, initial: true }));
      if (present.length > 0) subscriber.next(present);
      return this.#deltas.subscribe(subscriber);
    });
  }

  get(name: string, namespace?: string): T | undefined {
    return this.#cache.get(name, namespace);
  }

  getByKey(key: string): T | undefined {
    return this.#cache.getByKey(key);
  }

  list(namespace?: string): readonly T[] {
    return this.#cache.list(namespace);
  }

  byIndex(index: string, value: string): readonly T[] {
    return this.#cache.byIndex(index, value);
  }

  get selection(): InformerSelection {
    const { namespace, labelSelector, fieldSelector } = this.#options;
    return { ...(namespace && { namespace }), ...(labelSelector && { labelSelector }), ...(fieldSelector && { fieldSelector }) };
  }

  async until(check: () => boolean, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (check()) return;
    const waiter = { check, ...Promise.withResolvers<void>() };
    const onAbort = (): void => waiter.reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    this.#waiters.add(waiter);
    try {
      await waiter.promise;
    } finally {
      this.#waiters.delete(waiter);
      signal.removeEventListener('abort', onAbort);
    }
  }

  addIndexer(name: string, index: IndexFunction<T>): void {
    this.#cache.addIndexer(name, index);
  }

  async whenSynced(signal?: AbortSignal): Promise<void> {
    if (!signal) return this.#synced.promise;
    signal.throwIfAborted();
    const aborted = Promise.withResolvers<never>();
    const onAbort = (): void => aborted.reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await Promise.race([this.#synced.promise, aborted.promise]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Resolves when everything is in; goes on by itself then. */
  async start(signal: AbortSignal): Promise<void> {
    if (!this.#isStarted) this.#tasks.run(this.name, (own) => this.#reflector.run(own));
    this.#isStarted = true;
    await this.whenSynced(signal);
  }

  async stop(): Promise<void> {
    await this.#tasks.stop();
    for (const { reject } of this.#waiters) reject(new KeelsonError('ServiceUnavailable', `The ${this.name} has stopped`));
    this.#deltas.complete();
    this.#reflector.close();
  }

  /** Makes the cache equal to a list, and tells of the difference: also of what was deleted while nobody looked. */
  #replace(items: readonly T[]): void {
    const gone = new Set(this.#cache.keys());
    const deltas: Delta<T>[] = [];
    for (const item of items) gone.delete(keyOf(item));
    try {
      for (const key of gone) {
        const object = this.#cache.delete(key);
        if (object) deltas.push({ type: 'deleted', object });
      }
      for (const item of items) this.#put(item, deltas);
    } finally {
      // Also if a transform or an index function has thrown: what is in the cache must have been told.
      if (deltas.length > 0) this.#deltas.next(deltas);
    }
  }

  /** An object of the same name that is another one was deleted and made again in between: told as both. */
  #put(received: T, deltas: Delta<T>[]): void {
    const old = this.#cache.getByKey(keyOf(received));
    if (old && old.metadata?.resourceVersion === received.metadata?.resourceVersion) return;
    const object = this.#kept(received);
    this.#cache.set(object);
    if (old && old.metadata?.uid === object.metadata?.uid) deltas.push({ type: 'updated', object, old });
    else {
      if (old) deltas.push({ type: 'deleted', object: old });
      deltas.push({ type: 'added', object, initial: !this.#isSynced });
    }
  }

  /** Hot path: every event of the kind. */
  #apply(events: readonly WatchEvent<T>[]): void {
    const deltas: Delta<T>[] = [];
    try {
      for (const event of events) {
        if (event.type === 'DELETED') this.#remove(event.object, deltas);
        else if (event.type !== 'BOOKMARK' && !this.#isOutdated(event.object)) this.#put(event.object, deltas);
      }
    } finally {
      if (deltas.length > 0) this.#deltas.next(deltas);
    }
  }

  #tellWaiters(): void {
    if (!this.#isSynced) this.#logger.debug('informer synced', { resource: this.kind.resource, objects: this.size });
    this.#isSynced = true;
    this.#synced.resolve();
    for (const { check, resolve } of this.#waiters) if (check()) resolve();
  }

  /** The end of an earlier object of the same name does not touch the present one. */
  #remove(received: T, deltas: Delta<T>[]): void {
    const key = keyOf(received);
    const old = this.#cache.getByKey(key);
    if (!old || old.metadata?.uid !== received.metadata?.uid) return;
    this.#cache.delete(key);
    deltas.push({ type: 'deleted', object: this.#kept(received) });
  }

  /** What the cache holds of an object. Watches within one process share whole objects. */
  #kept(received: T): T {
    const { metadataOnly = false, transform } = this.#options;
    const { apiVersion, kind, metadata } = received;
    // All but metadata is optional to who asked for nothing else.
    const asked = metadataOnly ? ({ apiVersion, kind, metadata } as T) : received;
    return transform ? transform(asked) : asked;
  }

  /** An event that was overtaken by a newer one. (What a list says is never outdated: a server may have been set back.) */
  #isOutdated(received: T): boolean {
    const { metadata } = received;
    const known = this.#cache.getByKey(keyOf(received));
    return known?.metadata?.uid === metadata?.uid && isOlder(metadata?.resourceVersion, known?.metadata?.resourceVersion);
  }
}
