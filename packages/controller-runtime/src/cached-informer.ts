import { keyOf, type Kind, type KubernetesObject } from '@keelson/api';
import { Backoff, errorMessage, isReason, KeelsonError, TaskGroup, type Clock, type Logger } from '@keelson/base';
import { createClient, type Client, type ResourceClient, type WatchEvent } from '@keelson/client';
import { BehaviorSubject, Observable, Subject } from 'rxjs';
import type { Delta, IndexFunction, Informer, InformerOptions, InformerSelection, ReflectorState } from './informer.ts';
import { metadataTransport } from './metadata-transport.ts';
import { ObjectCache } from './object-cache.ts';
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

/** Objects that one page of a list holds. */
const PAGE = 500;
/** A watch is asked to end after 5 to 10 minutes, and is given up if it is silent for longer: it may have died without a word. */
const WATCH_SECONDS = 300;
const SILENCE_GRACE_MS = 30_000;
/** A watch that ends sooner, without a word, has not worked. */
const SHORT_WATCH_MS = 1_000;
const BACKOFF = { initialMs: 800, maxMs: 30_000, jitter: 1 };

/** Lists once and then follows by watches; lists again when the server has forgotten where we were. It never gives up. */
export class CachedInformer<T extends KubernetesObject> implements Informer<T> {
  readonly name: string;
  readonly kind: Kind<T>;
  readonly #resource: ResourceClient<T>;
  readonly #options: InformerOptions<T>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #random: () => number;
  readonly #cache: ObjectCache<T>;
  readonly #deltas = new Subject<readonly Delta<T>[]>();
  readonly #state: BehaviorSubject<ReflectorState>;
  readonly #tasks: TaskGroup;
  readonly #waiters = new Set<Waiter>();
  readonly #synced = Promise.withResolvers<void>();
  #isSynced = false;
  #isStarted = false;
  #resourceVersion: string | undefined;
  #attempt = 0;

  constructor(kind: Kind<T>, { client, clock, logger, random = Math.random }: Dependencies, options: InformerOptions<T> = {}) {
    this.name = `informer of ${kind.resource}`;
    this.kind = kind;
    this.#resource = (options.metadataOnly ? createClient(metadataTransport(client.transport)) : client).resource(kind);
    this.#options = options;
    this.#clock = clock;
    this.#logger = logger;
    this.#random = random;
    this.#state = new BehaviorSubject<ReflectorState>({ phase: 'listing', attempt: 0, sinceMs: clock.now() });
    this.#cache = new ObjectCache(options.indexers);
    this.#tasks = new TaskGroup(logger);
  }

  get synced(): boolean {
    return this.#isSynced;
  }

  get resourceVersion(): string | undefined {
    return this.#resourceVersion;
  }

  get size(): number {
    return this.#cache.size;
  }

  get state$(): Observable<ReflectorState> {
    return this.#state.asObservable();
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
    return this.#where;
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

  /** Resolves when the first list is in; goes on by itself then. */
  async start(signal: AbortSignal): Promise<void> {
    if (!this.#isStarted) this.#tasks.run(this.name, (own) => this.#run(own));
    this.#isStarted = true;
    await this.whenSynced(signal);
  }

  async stop(): Promise<void> {
    await this.#tasks.stop();
    for (const { reject } of this.#waiters) reject(new KeelsonError('ServiceUnavailable', `The ${this.name} has stopped`));
    this.#deltas.complete();
    this.#state.complete();
  }

  async #run(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff({ ...BACKOFF, random: this.#random });
    const onProgress = (): void => {
      this.#attempt = 0;
      backoff.reset();
    };
    while (!signal.aborted) {
      try {
        if (this.#resourceVersion === undefined) await this.#list(signal);
        const beganMs = this.#clock.monotonic();
        const wasUseful = await this.#watch(signal, onProgress);
        if (wasUseful || signal.aborted) continue;
        if (this.#clock.monotonic() - beganMs < SHORT_WATCH_MS) throw new Error('the watch ended at once, without an event');
        onProgress();
      } catch (error) {
        if (signal.aborted) return;
        this.#noteFailure(error);
        await this.#clock.sleep(backoff.next(), signal).catch(() => undefined);
      }
    }
  }

  #noteFailure(error: unknown): void {
    if (isReason(error, 'Expired', 'Gone')) this.#resourceVersion = undefined;
    this.#attempt += 1;
    this.#setPhase('retrying', errorMessage(error));
    const { resource } = this.kind;
    this.#logger.warn('list or watch failed; trying again', { resource, attempt: this.#attempt, error: errorMessage(error) });
  }

  #setPhase(phase: ReflectorState['phase'], error?: string): void {
    const sinceMs = this.#clock.now();
    this.#state.next({ phase, attempt: this.#attempt, sinceMs, ...(error !== undefined && { error }) });
  }

  async #list(signal: AbortSignal): Promise<void> {
    this.#setPhase('listing');
    const { items, resourceVersion } = await this.#listAll(signal);
    this.#replace(items);
    this.#resourceVersion = resourceVersion;
    if (!this.#isSynced) this.#logger.debug('informer synced', { resource: this.kind.resource, objects: items.length });
    this.#isSynced = true;
    this.#synced.resolve();
    this.#tellWaiters();
  }

  /** In pages; at one go if the pages cannot be had, since the server forgets faster than they are read. */
  async #listAll(signal: AbortSignal): Promise<{ readonly items: readonly T[]; readonly resourceVersion: string }> {
    const first = await this.#resource.list({ ...this.#where, limit: PAGE, signal });
    const items = [...first.items];
    let { metadata } = first;
    while (metadata.continue) {
      try {
        const page = await this.#resource.list({ ...this.#where, limit: PAGE, continue: metadata.continue, signal });
        for (const item of page.items) items.push(item);
        metadata = page.metadata;
      } catch (error) {
        if (!isReason(error, 'Expired', 'Gone')) throw error;
        const whole = await this.#resource.list({ ...this.#where, signal });
        return { items: whole.items, resourceVersion: whole.metadata.resourceVersion };
      }
    }
    return { items, resourceVersion: metadata.resourceVersion };
  }

  get #where(): InformerSelection {
    const { namespace, labelSelector, fieldSelector } = this.#options;
    return { ...(namespace && { namespace }), ...(labelSelector && { labelSelector }), ...(fieldSelector && { fieldSelector }) };
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

  /** Resolves when the watch ends in the ordinary way; true if it brought anything. */
  async #watch(signal: AbortSignal, onProgress: () => void): Promise<boolean> {
    const timeoutSeconds = Math.round(WATCH_SECONDS * (1 + this.#random()));
    const resourceVersion = this.#resourceVersion ?? '';
    const options = { ...this.#where, allowWatchBookmarks: true, timeoutSeconds, resourceVersion, signal };
    this.#setPhase('watching');
    let wasUseful = false;
    const ended = Promise.withResolvers<void>();
    const subscription = this.#resource.watch(options).subscribe({
      next: (events) => {
        wasUseful = true;
        onProgress();
        try {
          this.#apply(events);
        } catch (error) {
          // A transform or an index function has thrown: what came is told again once the list is read anew.
          this.#resourceVersion = undefined;
          ended.reject(error);
        }
      },
      error: (error: unknown) => ended.reject(error),
      complete: () => ended.resolve(),
    });
    using _silence = this.#clock.after(timeoutSeconds * 1000 + SILENCE_GRACE_MS, () =>
      ended.reject(new Error('the watch has been silent for too long')),
    );
    const onAbort = (): void => ended.resolve();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await ended.promise;
      return wasUseful;
    } finally {
      signal.removeEventListener('abort', onAbort);
      subscription.unsubscribe();
    }
  }

  /** Hot path: every event of the kind. */
  #apply(events: readonly WatchEvent<T>[]): void {
    const deltas: Delta<T>[] = [];
    try {
      for (const event of events) {
        if (event.type === 'DELETED') this.#remove(event.object, deltas);
        else if (event.type !== 'BOOKMARK' && !this.#isOutdated(event.object)) this.#put(event.object, deltas);
        const version = event.object.metadata?.resourceVersion;
        if (version !== undefined && !isOlder(version, this.#resourceVersion)) this.#resourceVersion = version;
      }
    } finally {
      if (deltas.length > 0) this.#deltas.next(deltas);
    }
    if (this.#waiters.size > 0) this.#tellWaiters();
  }

  #tellWaiters(): void {
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
