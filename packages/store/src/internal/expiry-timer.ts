import type { Clock } from '@keelson/base';

/** Keys that expire within the same second are deleted together. */
export function expirySecond(nowMs: number, ttlSeconds: number): number {
  return Math.ceil(nowMs / 1000 + ttlSeconds);
}

/** One timer for the earliest of many times. */
export class ExpiryTimer {
  readonly #clock: Clock;
  readonly #onDue: () => void;
  #timer: Disposable | undefined;
  #second = Infinity;

  constructor(clock: Clock, onDue: () => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** Calls `onDue` once it is `second` (counted from the Unix epoch), or at an earlier time that was asked for. */
  arm(second: number): void {
    if (second >= this.#second) return;
    this.disarm();
    this.#second = second;
    this.#timer = this.#clock.after(Math.max(0, second * 1000 - this.#clock.now()), () => {
      this.#second = Infinity;
      this.#onDue();
    });
  }

  disarm(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#second = Infinity;
  }
}
