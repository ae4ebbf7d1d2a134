import type { Clock } from '@keelson/base';
import { DelayQueue } from './delay-queue.ts';
import type { WorkQueueMetrics } from './metrics.ts';
import { defaultRateLimiter, type RateLimiter } from './rate-limiter.ts';

interface Dependencies<K> {
  readonly clock: Clock;
  /** Tells items apart. A string is its own key; of anything else it is the JSON. */
  readonly key?: (item: K) => string;
  readonly name?: string;
  /** Of keys. `defaultRateLimiter` if absent. */
  readonly rateLimiter?: RateLimiter;
  readonly metrics?: WorkQueueMetrics;
}

export interface AddOptions {
  /** Higher ones are taken first. Default 0. */
  readonly priority?: number;
}

/** Of keys that a first list brings: what changes meanwhile goes first. */
export const LOW_PRIORITY = -100;

interface Waiting<K> {
  readonly item: K;
  readonly priority: number;
}

/**
 * Items that wait to be worked on, by the rules of client-go's work queue: an item that is added twice waits once; one that is being worked
 * on is not given to a second worker; if it is added meanwhile it waits again once it is done. Items of one priority keep their order.
 */
export class WorkQueue<K = string> {
  readonly #clock: Clock;
  readonly #keyOf: (item: K) => string;
  readonly #limiter: RateLimiter;
  readonly #metrics: WorkQueueMetrics | undefined;
  /** What waits, by priority, the highest first. */
  #lines: { readonly priority: number; readonly items: Map<string, K> }[] = [];
  /** Of each key that waits. */
  readonly #priorities = new Map<string, number>();
  readonly #processing = new Set<string>();
  /** Added while being worked on. */
  readonly #again = new Map<string, Waiting<K>>();
  readonly #delayed: DelayQueue<Waiting<K>>;
  readonly #takers = new Set<() => void>();
  #closed = false;

  constructor({ clock, key = keyOfItem, rateLimiter, metrics }: Dependencies<K>) {
    this.#clock = clock;
    this.#keyOf = key;
    this.#limiter = rateLimiter ?? defaultRateLimiter(clock);
    this.#metrics = metrics;
    this.#delayed = new DelayQueue(clock, ({ item, priority }) => this.add(item, { priority }));
  }

  /** How many items wait now; not those whose time has not come. */
  get length(): number {
    return this.#priorities.size;
  }

  /** An item that waits already keeps its place, unless the new priority is higher. */
  add(item: K, { priority = 0 }: AddOptions = {}): void {
    if (this.#closed) return;
    const key = this.#keyOf(item);
    if (this.#processing.has(key)) {
      const known = this.#again.get(key);
      if (!known) this.#metrics?.added(key, this.#clock.monotonic());
      this.#again.set(key, { item, priority: Math.max(priority, known?.priority ?? priority) });
      return;
    }
    const known = this.#priorities.get(key);
    if (known !== undefined && known >= priority) return;
    if (known === undefined) this.#metrics?.added(key, this.#clock.monotonic());
    else this.#line(known).delete(key);
    this.#enter(key, { item, priority });
  }

  /** Adds an item when its time comes; the earliest of several times counts. */
  addAfter(item: K, delayMs: number, { priority = 0 }: AddOptions = {}): void {
    if (this.#closed) return;
    if (delayMs <= 0) this.add(item, { priority });
    else this.#delayed.add(this.#keyOf(item), { item, priority }, delayMs);
  }

  /** Adds an item after the back-off of its failures, of which this is one more. */
  addRateLimited(item: K): void {
    if (this.#closed) return;
    this.#metrics?.retried();
    this.addAfter(item, this.#limiter.next(this.#keyOf(item)));
  }

  /** The item has succeeded: its back-off starts anew. */
  forget(item: K): void {
    this.#limiter.forget(this.#keyOf(item));
  }

  failures(item: K): number {
    return this.#limiter.failures(this.#keyOf(item));
  }

  /** The next item, once there is one; `undefined` when the queue is shut down. Call `done` when it has been worked on. */
  async take(signal?: AbortSignal): Promise<K | undefined> {
    for (;;) {
      if (signal?.aborted) {
        // It may have been woken for an item at the same moment: another one has to take that.
        if (this.length > 0) this.#wakeOne();
        throw signal.reason;
      }
      if (this.#closed) return undefined;
      const line = this.#lines.find(({ items }) => items.size > 0);
      const [first] = line?.items ?? [];
      if (line && first) {
        const [key, item] = first;
        line.items.delete(key);
        this.#priorities.delete(key);
        this.#processing.add(key);
        this.#metrics?.taken(key, this.#clock.monotonic());
        this.#metrics?.depth(this.length);
        return item;
      }
      await this.#wait(signal);
    }
  }

  done(item: K): void {
    const key = this.#keyOf(item);
    if (!this.#processing.delete(key)) return;
    this.#metrics?.done(key, this.#clock.monotonic());
    const again = this.#again.get(key);
    if (again && this.#again.delete(key) && !this.#closed) this.#enter(key, again);
  }

  /** Nothing is taken any more; what waits is forgotten. */
  shutDown(): void {
    this.#closed = true;
    this.#delayed.clear();
    this.#again.clear();
    this.#priorities.clear();
    this.#lines = [];
    this.#metrics?.depth(0);
    for (const wake of this.#takers) wake();
    this.#takers.clear();
  }

  #enter(key: string, { item, priority }: Waiting<K>): void {
    this.#line(priority).set(key, item);
    this.#priorities.set(key, priority);
    this.#metrics?.depth(this.length);
    this.#wakeOne();
  }

  #wakeOne(): void {
    const [wake] = this.#takers;
    if (!wake) return;
    this.#takers.delete(wake);
    wake();
  }

  #line(priority: number): Map<string, K> {
    const found = this.#lines.find((line) => line.priority === priority);
    if (found) return found.items;
    const items = new Map<string, K>();
    this.#lines = [...this.#lines.filter((line) => line.items.size > 0), { priority, items }].sort(
      (a, b) => b.priority - a.priority,
    );
    return items;
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal?.removeEventListener('abort', wake);
        this.#takers.delete(wake);
        resolve();
      };
      this.#takers.add(wake);
      signal?.addEventListener('abort', wake, { once: true });
    });
  }
}

function keyOfItem(item: unknown): string {
  return typeof item === 'string' ? item : JSON.stringify(item);
}
