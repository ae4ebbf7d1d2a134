import type { Clock } from '@keelson/base';

/** Says how long an item that failed has to wait. */
export interface RateLimiter<K = string> {
  /** Milliseconds until the next try, after one more failure. */
  next(item: K): number;
  forget(item: K): void;
  /** Failures in a row. */
  failures(item: K): number;
}

/** Doubles from `baseMs` with each failure of an item, up to `maxMs`: 5 ms to 1,000 s, as upstream's controllers have it. */
export class ExponentialRateLimiter<K = string> implements RateLimiter<K> {
  readonly #failures = new Map<K, number>();
  readonly #baseMs: number;
  readonly #maxMs: number;

  constructor(baseMs = 5, maxMs = 1_000_000) {
    this.#baseMs = baseMs;
    this.#maxMs = maxMs;
  }

  next(item: K): number {
    const failures = this.failures(item);
    this.#failures.set(item, failures + 1);
    return Math.min(this.#maxMs, this.#baseMs * 2 ** Math.min(failures, 40));
  }

  forget(item: K): void {
    this.#failures.delete(item);
  }

  failures(item: K): number {
    return this.#failures.get(item) ?? 0;
  }
}

/** One allowance for all items together: `burst` at once, and `perSecond` after that. What is asked for beyond it is told to wait its turn. */
export class BucketRateLimiter<K = string> implements RateLimiter<K> {
  readonly #clock: Clock;
  readonly #perSecond: number;
  readonly #burst: number;
  /** Below zero: given away ahead of time. */
  #tokens: number;
  #countedMs: number;

  constructor(clock: Clock, { perSecond = 10, burst = 100 }: { readonly perSecond?: number; readonly burst?: number } = {}) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
    this.#countedMs = clock.monotonic();
  }

  next(): number {
    const nowMs = this.#clock.monotonic();
    this.#tokens = Math.min(this.#burst, this.#tokens + ((nowMs - this.#countedMs) * this.#perSecond) / 1000) - 1;
    this.#countedMs = nowMs;
    return this.#tokens >= 0 ? 0 : (-this.#tokens * 1000) / this.#perSecond;
  }

  forget(): void {}

  failures(): number {
    return 0;
  }
}

/** The longest wait that any of some limiters asks for. */
export class LongestRateLimiter<K = string> implements RateLimiter<K> {
  readonly #limiters: readonly RateLimiter<K>[];

  constructor(limiters: readonly RateLimiter<K>[]) {
    this.#limiters = limiters;
  }

  next(item: K): number {
    return Math.max(0, ...this.#limiters.map((limiter) => limiter.next(item)));
  }

  forget(item: K): void {
    for (const limiter of this.#limiters) limiter.forget(item);
  }

  failures(item: K): number {
    return Math.max(0, ...this.#limiters.map((limiter) => limiter.failures(item)));
  }
}

/** What controllers have unless they ask for another: 5 ms to 1,000 s an item, and 10 a second for all items after the first 100. */
export function defaultRateLimiter<K = string>(clock: Clock): RateLimiter<K> {
  return new LongestRateLimiter<K>([new ExponentialRateLimiter<K>(), new BucketRateLimiter<K>(clock)]);
}
