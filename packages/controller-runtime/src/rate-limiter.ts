/** Says how long an item that failed has to wait. */
export interface RateLimiter<K> {
  /** Milliseconds until the next try, after one more failure. */
  next(item: K): number;
  forget(item: K): void;
  /** Failures in a row. */
  failures(item: K): number;
}

/** Doubles from `baseMs` with each failure of an item, up to `maxMs`: 5 ms to 1,000 s, as upstream's controllers have it. */
export class ExponentialRateLimiter<K> implements RateLimiter<K> {
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
