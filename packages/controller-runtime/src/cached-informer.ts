import { keyOf, type Kind, type KubernetesObject } from '@keelson/api';
import { Backoff, errorMessage, isReason, TaskGroup, type Clock, type Logger } from '@keelson/base';
import type { Client, ResourceClient, WatchEvent } from '@keelson/client';
import { BehaviorSubject, Observable, Subject } from 'rxjs';
import type { Delta, IndexFunction, Informer, InformerOptions, ReflectorState } from './informer.ts';
import { ObjectCache } from './object-cache.ts';

interface Dependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random?: () => number;
}

/** Objects that one page of a list holds. */
const PAGE = 500;
/** A watch is asked to end after 5 to 10 minutes, and is given up if it is silent for longer: it may have died without a word. */
const WATCH_SECONDS = 300;
const SILENCE_GRACE_MS = 30_000;
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
  readonly #state = new BehaviorSubject<ReflectorState>({ phase: 'listing' });
  readonly #tasks: TaskGroup;
  readonly #synced = Promise.withResolvers<void>();
  #isSynced = false;
  #isStarted = false;
  #resourceVersion: string | undefined;

  constructor(kind: Kind<T>, { client, clock, logger, random = Math.random }: Dependencies, options: InformerOptions<T> = {}) {
    this.name = `informer of ${kind.resource}`;
    this.kind = kind;
    this.#resource = client.resource(kind);
    this.#options = options;
    this.#clock = clock;
    this.#logger = logger;
    this.#random = random;
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
      const present = this.#isSynced
        ? this.#cache.list().map((object): Delta<T> => ({ type: 'added', object, initial: true }))
        : [];
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
    this.#deltas.complete();
    this.#state.complete();
  }

  async #run(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff({ ...BACKOFF, random: this.#random });
    for (let attempt = 0; !signal.aborted;) {
      try {
        if (this.#resourceVersion === undefined) await this.#list(signal);
        await this.#watch(signal, () => {
          attempt = 0;
          backoff.reset();
        });
      } catch (error) {
        if (signal.aborted) return;
        attempt += 1;
        this.#noteFailure(error, attempt);
        await this.#clock.sleep(backoff.next(), signal).catch(() => undefined);
      }
    }
  }

  #noteFailure(error: unknown, attempt: number): void {
    if (isReason(error, 'Expired', 'Gone')) this.#resourceVersion = undefined;
    this.#state.next({ phase: 'retrying', attempt, error: errorMessage(error) });
    this.#logger.debug('list or watch failed; trying again', {
      resource: this.kind.resource,
      attempt,
      error: errorMessage(error),
    });
  }

  async #list(signal: AbortSignal): Promise<void> {
    this.#state.next({ phase: 'listing' });
    const items: T[] = [];
    const { namespace, labelSelector, fieldSelector } = this.#options;
    const where = {
      ...(namespace && { namespace }),
      ...(labelSelector && { labelSelector }),
      ...(fieldSelector && { fieldSelector }),
      limit: PAGE,
      signal,
    };
    let page = await this.#resource.list(where);
    items.push(...page.items);
    while (page.metadata.continue) {
      page = await this.#resource.list({ ...where, continue: page.metadata.continue });
      items.push(...page.items);
    }
    this.#replace(items);
    this.#resourceVersion = page.metadata.resourceVersion;
    if (!this.#isSynced) this.#logger.debug('informer synced', { resource: this.kind.resource, objects: items.length });
    this.#isSynced = true;
    this.#synced.resolve();
  }

  /** Makes the cache equal to a list, and tells of the difference: also of what was deleted while nobody looked. */
  #replace(items: readonly T[]): void {
    const gone = new Set(this.#cache.keys());
    const deltas: Delta<T>[] = [];
    for (const item of items) {
      gone.delete(keyOf(item));
      this.#put(item, deltas);
    }
    for (const key of gone) {
      const object = this.#cache.delete(key);
      if (object) deltas.push({ type: 'deleted', object });
    }
    if (deltas.length > 0) this.#deltas.next(deltas);
  }

  /** An object of the same name that is another one was deleted and made again in between: told as both. */
  #put(object: T, deltas: Delta<T>[]): void {
    const old = this.#cache.getByKey(keyOf(object));
    if (old && old.metadata?.resourceVersion === object.metadata?.resourceVersion) return;
    this.#cache.set(object);
    if (old && old.metadata?.uid === object.metadata?.uid) deltas.push({ type: 'updated', object, old });
    else {
      if (old) deltas.push({ type: 'deleted', object: old });
      deltas.push({ type: 'added', object, initial: !this.#isSynced });
    }
  }

  #watch(signal: AbortSignal, onProgress: () => void): Promise<void> {
    const { namespace, labelSelector, fieldSelector } = this.#options;
    const timeoutSeconds = Math.round(WATCH_SECONDS * (1 + this.#random()));
    const from = {
      allowWatchBookmarks: true,
      timeoutSeconds,
      ...(this.#resourceVersion !== undefined && { resourceVersion: this.#resourceVersion }),
    };
    const where = {
      ...(namespace && { namespace }),
      ...(labelSelector && { labelSelector }),
      ...(fieldSelector && { fieldSelector }),
    };
    this.#state.next({ phase: 'watching' });
    const ended = Promise.withResolvers<void>();
    const subscription = this.#resource.watch({ ...where, ...from, signal }).subscribe({
      next: (events) => {
        onProgress();
        this.#apply(events);
      },
      error: (error: unknown) => ended.reject(error),
      complete: () => ended.resolve(),
    });
    const silence = this.#clock.after(timeoutSeconds * 1000 + SILENCE_GRACE_MS, () =>
      ended.reject(new Error('the watch has been silent for too long')),
    );
    const onAbort = (): void => ended.resolve();
    signal.addEventListener('abort', onAbort, { once: true });
    return ended.promise.finally(() => {
      signal.removeEventListener('abort', onAbort);
      silence[Symbol.dispose]();
      subscription.unsubscribe();
    });
  }

  #apply(events: readonly WatchEvent<T>[]): void {
    const deltas: Delta<T>[] = [];
    for (const event of events) {
      if (event.type === 'DELETED') {
        if (this.#cache.delete(keyOf(event.object))) deltas.push({ type: 'deleted', object: event.object });
      } else if (event.type !== 'BOOKMARK') this.#put(event.object, deltas);
      this.#resourceVersion = event.object.metadata?.resourceVersion ?? this.#resourceVersion;
    }
    if (deltas.length > 0) this.#deltas.next(deltas);
  }
}
