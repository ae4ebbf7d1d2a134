import { tooManyRequests } from '@keelson/api';
import type { Clock } from '@keelson/base';

export interface InFlightLimits {
  /** GETs at the same time, without watches and streams. */
  readonly maxReads: number;
  /** Writes at the same time. */
  readonly maxWrites: number;
  /** How long a request may take that is no watch or stream. */
  readonly timeoutMs: number;
}

/** One request that is being served. */
export interface Flight {
  readonly startMs: number;
  readonly isWrite: boolean;
  /** A watch or stream: neither counted nor timed. */
  isLong: boolean;
  readonly onTimeout: () => void;
}

/** Hot path: counts requests under way, refuses those over the limit, and looks once a second for those that take too long. */
export class InFlight {
  readonly #clock: Clock;
  readonly #limits: InFlightLimits;
  readonly #flights = new Set<Flight>();
  readonly #waiting: (() => void)[] = [];
  #reads = 0;
  #writes = 0;
  #timer: Disposable | undefined;

  constructor(clock: Clock, limits: InFlightLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  get reads(): number {
    return this.#reads;
  }

  get writes(): number {
    return this.#writes;
  }

  get size(): number {
    return this.#flights.size;
  }

  /** Throws `TooManyRequests`. */
  begin(isWrite: boolean, onTimeout: () => void): Flight {
    const full = isWrite ? this.#writes >= this.#limits.maxWrites : this.#reads >= this.#limits.maxReads;
    if (full) throw tooManyRequests('Too many requests, please try again later.', 1);
    if (isWrite) this.#writes += 1;
    else this.#reads += 1;
    const flight: Flight = { startMs: this.#clock.monotonic(), isWrite, isLong: false, onTimeout };
    this.#flights.add(flight);
    this.#timer ??= this.#clock.every(1_000, () => this.#sweep());
    return flight;
  }

  /** The request turns out to be a watch or a stream. */
  becomesLong(flight: Flight): void {
    if (flight.isLong) return;
    flight.isLong = true;
    this.#uncount(flight);
  }

  end(flight: Flight): void {
    if (!this.#flights.delete(flight)) return;
    if (!flight.isLong) this.#uncount(flight);
  }

  /** Resolves when only watches and streams are left, or after `timeoutMs`. */
  async drained(timeoutMs: number): Promise<void> {
    if (this.#reads + this.#writes === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    using _timer = this.#clock.after(timeoutMs, resolve);
    await promise;
  }

  /** Stops to look for late requests. */
  close(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  #uncount(flight: Flight): void {
    if (flight.isWrite) this.#writes -= 1;
    else this.#reads -= 1;
    if (this.#reads + this.#writes > 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #sweep(): void {
    // Not before: a timer for each request would cost more than the request's other bookkeeping.
    if (this.#flights.size === 0) return this.close();
    const deadline = this.#clock.monotonic() - this.#limits.timeoutMs;
    for (const flight of this.#flights) {
      if (flight.startMs > deadline) break;
      if (!flight.isLong) flight.onTimeout();
    }
  }
}
