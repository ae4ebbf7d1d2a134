import type { Clock } from '@keelson/base';
import { ExponentialRateLimiter, type RateLimiter } from './rate-limiter.ts';

interface Dependencies {
  readonly clock: Clock;
  readonly rateLimiter?: RateLimiter<string>;
}

/**
 * Keys that wait to be worked on, by the rules of client-go's work queue: a key that is added twice waits once; a key that is being worked
 * on is not given to a second worker; if it is added meanwhile it waits again once it is done.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #limiter: RateLimiter<string>;
  /** In the order of waiting; keys of higher priority in a line of their own. */
  readonly #lines: readonly [urgent: Set<string>, ordinary: Set<string>] = [new Set(), new Set()];
  readonly #processing = new Set<string>();
  /** Added while being worked on. */
  readonly #again = new Set<string>();
  readonly #delayed = new Map<string, { readonly dueMs: number; readonly timer: Disposable }>();
  readonly #takers: (() => void)[] = [];
  #closed = false;

  constructor({ clock, rateLimiter = new ExponentialRateLimiter() }: Dependencies) {
    this.#clock = clock;
    this.#limiter = rateLimiter;
  }

  /** How many keys wait now; not those whose time has not come. */
  get length(): number {
    return this.#lines[0].size + this.#lines[1].size;
  }

  /** A key of low priority (those of a first list) waits behind the others. */
  add(key: string, options: { readonly priority?: 'normal' | 'low' } = {}): void {
    if (this.#closed) return;
    if (this.#processing.has(key)) {
      this.#again.add(key);
      return;
    }
    const [urgent, ordinary] = this.#lines;
    if (options.priority !== 'low') {
      ordinary.delete(key);
      urgent.add(key);
    } else if (!urgent.has(key)) ordinary.add(key);
    this.#takers.shift()?.();
  }

  /** Adds a key when its time comes; the earliest of several times counts. */
  addAfter(key: string, delayMs: number): void {
    if (this.#closed) return;
    if (delayMs <= 0) {
      this.add(key);
      return;
    }
    const dueMs = this.#clock.monotonic() + delayMs;
    const known = this.#delayed.get(key);
    if (known && known.dueMs <= dueMs) return;
    known?.timer[Symbol.dispose]();
    const timer = this.#clock.after(delayMs, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { dueMs, timer });
  }

  /** Adds a key after the back-off of its failures, of which this is one more. */
  addRateLimited(key: string): void {
    this.addAfter(key, this.#limiter.next(key));
  }

  /** The key has succeeded: its back-off starts anew. */
  forget(key: string): void {
    this.#limiter.forget(key);
  }

  failures(key: string): number {
    return this.#limiter.failures(key);
  }

  /** The next key, once there is one; `undefined` when the queue is shut down. Call `done` when it has been worked on. */
  async take(): Promise<string | undefined> {
    for (;;) {
      if (this.#closed) return undefined;
      const line = this.#lines.find(({ size }) => size > 0);
      const [key] = line ?? [];
      if (line && key !== undefined) {
        line.delete(key);
        this.#processing.add(key);
        return key;
      }
      await new Promise<void>((resolve) => this.#takers.push(resolve));
    }
  }

  done(key: string): void {
    this.#processing.delete(key);
    if (this.#again.delete(key)) this.add(key);
  }

  /** Nothing is taken any more; what waits is forgotten. */
  shutDown(): void {
    this.#closed = true;
    for (const { timer } of this.#delayed.values()) timer[Symbol.dispose]();
    this.#delayed.clear();
    for (const line of this.#lines) line.clear();
    for (const wake of this.#takers.splice(0)) wake();
  }
}
