import type { Clock } from '@keelson/base';

interface Alarm {
  readonly key: string;
  readonly atMs: number;
  readonly ring: () => void;
}

/**
 * Many alarms on one timer of the clock. One alarm a key: setting it again replaces it. Kept in a binary heap with lazy removal, so that
 * setting and ringing cost O(log n).
 */
export class Alarms {
  readonly #clock: Clock;
  readonly #heap: Alarm[] = [];
  readonly #live = new Map<string, Alarm>();
  #timer: Disposable | undefined;
  #timerAtMs = Infinity;
  #stopped = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `ring` must not throw. */
  set(key: string, delayMs: number, ring: () => void): void {
    if (this.#stopped) return;
    const alarm = { key, atMs: this.#clock.now() + Math.max(0, delayMs), ring };
    this.#live.set(key, alarm);
    this.#push(alarm);
    this.#arm();
  }

  /** As `set`, but an earlier alarm of the same key stays. */
  setIfSooner(key: string, delayMs: number, ring: () => void): void {
    const known = this.#live.get(key);
    if (!known || known.atMs > this.#clock.now() + delayMs) this.set(key, delayMs, ring);
  }

  cancel(key: string): void {
    this.#live.delete(key);
  }

  get size(): number {
    return this.#live.size;
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.[Symbol.dispose]();
    this.#live.clear();
    this.#heap.length = 0;
  }

  #arm(): void {
    this.#dropDead();
    const next = this.#heap[0];
    if (!next || this.#timerAtMs <= next.atMs) return;
    this.#timer?.[Symbol.dispose]();
    this.#timerAtMs = next.atMs;
    this.#timer = this.#clock.after(next.atMs - this.#clock.now(), () => this.#ring());
  }

  #ring(): void {
    this.#timerAtMs = Infinity;
    const nowMs = this.#clock.now();
    for (let next = this.#heap[0]; next && next.atMs <= nowMs; next = this.#heap[0]) {
      this.#pop();
      if (this.#live.get(next.key) !== next) continue;
      this.#live.delete(next.key);
      next.ring();
    }
    if (!this.#stopped) this.#arm();
  }

  #dropDead(): void {
    for (let top = this.#heap[0]; top && this.#live.get(top.key) !== top; top = this.#heap[0]) this.#pop();
  }

  #push(alarm: Alarm): void {
    const heap = this.#heap;
    let at = heap.push(alarm) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up];
      if (!parent || parent.atMs <= alarm.atMs) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = alarm;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      const [left, right] = [heap[child], heap[child + 1]];
      if (left && right && right.atMs < left.atMs) child += 1;
      const down = heap[child];
      if (!down || down.atMs >= last.atMs) break;
      heap[at] = down;
      at = child;
    }
    heap[at] = last;
  }
}
