import { apiVersionOf, keyOf, type Kind, type KubernetesObject } from '@keelson/api';
import { Backoff, errorMessage, KeelsonError, sleepOn, TaskGroup, type Clock, type Logger } from '@keelson/base';
import type { ApiCall, Transport, WatchEvent } from '@keelson/client';

export interface FeedDependencies {
  readonly transport: () => Transport;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Who is told of the objects of a kind. */
export interface FeedReader<T> {
  put(object: T): void;
  /** By `NAMESPACE/NAME`, or the name of what is in no namespace. */
  drop(key: string): void;
  /** Of all objects that were put and not dropped. */
  keys(): Iterable<string>;
}

const INITIAL_END = 'k8s.io/initial-events-end';

/**
 * Tells a reader of the objects of one kind, by a watch in the same process that begins with what is there and is begun again when it ends.
 * Starts on first use and keeps nothing itself.
 */
export class Feed<T extends KubernetesObject> {
  readonly #kind: Kind<T>;
  readonly #dependencies: FeedDependencies;
  readonly #reader: FeedReader<T>;
  readonly #fieldSelector: string | undefined;
  readonly #tasks: TaskGroup;
  #isStarted = false;
  #isLive = false;
  /** Resolved while the reader has been told of everything that the server's cache has. A new one for each watch. */
  #live = Promise.withResolvers<void>();

  /** With a field selector, of those objects only. */
  constructor(kind: Kind<T>, dependencies: FeedDependencies, reader: FeedReader<T>, fieldSelector?: string) {
    this.#kind = kind;
    this.#dependencies = dependencies;
    this.#reader = reader;
    this.#fieldSelector = fieldSelector;
    this.#tasks = new TaskGroup(dependencies.logger);
  }

  /** Resolves when the reader knows all objects. */
  async ready(): Promise<void> {
    if (!this.#isStarted) {
      this.#isStarted = true;
      this.#tasks.run(`feed of ${this.#kind.resource}`, (signal) => this.#follow(signal));
    }
    await this.#live.promise;
    if (this.#tasks.signal.aborted) throw new KeelsonError('ServiceUnavailable', 'The API server is shutting down');
  }

  /** Resolves when the reader has been told of all that was written before the call, by whichever server. */
  async fresh(): Promise<void> {
    for (;;) {
      await this.ready();
      const live = this.#live;
      // Answered once the cache has all that the store has, and what the cache has it has told by then.
      await this.#dependencies.transport().request(this.#call({ limit: 1 }));
      if (live === this.#live) return;
    }
  }

  async stop(): Promise<void> {
    const stopped = this.#tasks.stop();
    this.#live.resolve();
    await stopped;
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#dependencies;
    const backoff = new Backoff({ initialMs: 50, maxMs: 5_000, jitter: 0.5 });
    while (!signal.aborted) {
      try {
        await this.#watch(signal);
        backoff.reset();
      } catch (error) {
        if (signal.aborted) return;
        logger.debug('watch ended; beginning again', { resource: this.#kind.resource, error: errorMessage(error) });
        await sleepOn(clock, backoff.next(), signal).catch(() => undefined);
      }
    }
  }

  #call(query: NonNullable<ApiCall['query']>): ApiCall {
    const prefix = this.#kind.group === '' ? '/api' : '/apis';
    const path = `${prefix}/${apiVersionOf(this.#kind)}/${this.#kind.resource}`;
    const fieldSelector = this.#fieldSelector;
    return { method: 'GET', path, query: { ...query, ...(fieldSelector !== undefined && { fieldSelector }) } };
  }

  /** Until the watch ends, which is rejected if it broke. */
  async #watch(signal: AbortSignal): Promise<void> {
    const asked = { watch: true, sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan', allowWatchBookmarks: true };
    const events$ = this.#dependencies.transport().watch({ ...this.#call(asked), signal });
    const tell = this.#teller();
    try {
      await new Promise<void>((resolve, reject) => {
        events$.subscribe({ next: (events) => events.forEach(tell), error: reject, complete: resolve });
      });
    } finally {
      this.#lapse();
    }
  }

  /** Whoever waits already goes on to wait for the next watch. */
  #lapse(): void {
    if (!this.#isLive || this.#tasks.signal.aborted) return;
    this.#isLive = false;
    this.#live = Promise.withResolvers<void>();
  }

  /** What there was when the watch began comes first; what has not come then is gone. */
  #teller(): (event: WatchEvent) => void {
    let begun: Set<string> | undefined = new Set();
    return ({ type, object }) => {
      if (type === 'BOOKMARK') {
        if (object.metadata?.annotations?.[INITIAL_END] !== 'true' || !begun) return;
        for (const key of this.#reader.keys()) if (!begun.has(key)) this.#reader.drop(key);
        begun = undefined;
        this.#isLive = true;
        this.#live.resolve();
        return;
      }
      const key = keyOf(object);
      if (type === 'DELETED') return this.#reader.drop(key);
      begun?.add(key);
      this.#reader.put(object as T);
    };
  }
}
