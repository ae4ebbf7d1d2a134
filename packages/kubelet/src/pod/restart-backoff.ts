import type { Clock } from '@keelson/base';

interface Entry {
  delayMs: number;
  updatedAtMs: number;
}

/**
 * Delays by key: the first failure costs nothing, the next `initialMs`, and twice as much each time up to `maxMs`. A key is forgotten
 * when its last failure is more than twice `maxMs` old.
 *
 * A container that always ends at once, with the defaults: started at 0, again at 0, then 10, 30, 70, 150, 310, 610, 910 s...
 */
export class RestartBackoff {
  readonly #entries = new Map<string, Entry>();
  readonly #clock: Clock;
  readonly #initialMs: number;
  readonly #maxMs: number;

  constructor(clock: Clock, initialMs = 10_000, maxMs = 300_000) {
    this.#clock = clock;
    this.#initialMs = initialMs;
    this.#maxMs = maxMs;
  }

  /** How long to go on waiting after a failure at `failedAtMs`; 0 if it is time to try. */
  remainingMs(key: string, failedAtMs: number): number {
    const entry = this.#live(key, failedAtMs);
    return entry ? Math.max(0, failedAtMs + entry.delayMs - this.#clock.now()) : 0;
  }

  /** The delay that holds after the next failure. */
  delayMs(key: string): number {
    return this.#entries.get(key)?.delayMs ?? 0;
  }

  /** Tells that it was tried again after a failure at `failedAtMs`. */
  next(key: string, failedAtMs: number): void {
    const entry = this.#live(key, failedAtMs);
    const delayMs = entry ? Math.min(this.#maxMs, entry.delayMs * 2) : this.#initialMs;
    this.#entries.set(key, { delayMs, updatedAtMs: this.#clock.now() });
  }

  /** Forgets all keys that begin with `prefix`. */
  forget(prefix: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(prefix)) this.#entries.delete(key);
  }

  #live(key: string, atMs: number): Entry | undefined {
    const entry = this.#entries.get(key);
    return entry && atMs - entry.updatedAtMs <= 2 * this.#maxMs ? entry : undefined;
  }
}
