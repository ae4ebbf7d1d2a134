import type { Clock } from '@keelson/base';

const FIRST_MS = 1_000;
const MAX_MS = 15 * 60_000;

/**
 * How long failed pods of a node are left before they are replaced: 1 s after the first, then twice as long each time, up to 15 min. Without
 * it a daemon and a kubelet that refuses its pods would replace and refuse for ever, as fast as they can. Forgotten after twice the longest wait.
 */
export class FailureWaits {
  readonly #clock: Clock;
  readonly #waits = new Map<string, { readonly waitMs: number; readonly sinceMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  waitMs(uid: string, nodeName: string): number {
    const known = this.#waits.get(`${uid}/${nodeName}`);
    return known ? Math.max(0, known.sinceMs + known.waitMs - this.#clock.monotonic()) : 0;
  }

  /** A failed pod is being replaced: the next one waits longer. */
  replaced(uid: string, nodeName: string): void {
    const nowMs = this.#clock.monotonic();
    const known = this.#waits.get(`${uid}/${nodeName}`);
    const isFresh = known !== undefined && nowMs - known.sinceMs <= 2 * MAX_MS;
    const waitMs = isFresh ? Math.min(known.waitMs * 2, MAX_MS) : FIRST_MS;
    this.#waits.set(`${uid}/${nodeName}`, { waitMs, sinceMs: nowMs });
  }

  /** Of a daemon that is gone. */
  forget(uid: string): void {
    for (const key of this.#waits.keys()) if (key.startsWith(`${uid}/`)) this.#waits.delete(key);
  }
}
