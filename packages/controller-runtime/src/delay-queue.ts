import type { Clock } from '@keelson/base';

interface Entry<T> {
  readonly key: string;
  readonly item: T;
  readonly dueMs: number;
}

/**
 * Hands items over when their time comes, the earliest of several times for one key. A binary heap under one timer: a thousand items that
 * wait cost one timer, not a thousand. Example: `a` at 9, `b` at 5, `a` at 3 gives `a` at 3 and `b` at 5; what is left of `a` at 9 is
 * skipped when it comes up, since `a` is no longer waited for.
 */
export class DelayQueue<T> {
  readonly #clock: Clock;
  readonly #onDue: (item: T) => void;
  readonly #heap: Entry<T>[] = [];
  /** The entry of each key that counts; others of that key in the heap are stale. */
  readonly #current = new Map<string, Entry<T>>();
  #timer: Disposable | undefined;
  #timerMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, onDue: (item: T) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  get size(): number {
    return this.#current.size;
  }

  add(key: string, item: T, delayMs: number): void {
    const dueMs = this.#clock.monotonic() + delayMs;
    const known = this.#current.get(key);
    if (known && known.dueMs <= dueMs) return;
    const entry = { key, item, dueMs };
    this.#current.set(key, entry);
    this.#push(entry);
    this.#arm();
  }

  clear(): void {
    this.#heap.length = 0;
    this.#current.clear();
    this.#arm();
  }

  #arm(): void {
    for (let first = this.#heap[0]; first && this.#current.get(first.key) !== first; first = this.#heap[0]) this.#pop();
    const dueMs = this.#heap[0]?.dueMs ?? Number.POSITIVE_INFINITY;
    if (dueMs === this.#timerMs) return;
    this.#timer?.[Symbol.dispose]();
    this.#timerMs = dueMs;
    this.#timer =
      dueMs === Number.POSITIVE_INFINITY
        ? undefined
        : this.#clock.after(Math.max(0, dueMs - this.#clock.monotonic()), () => this.#fire());
  }

  #fire(): void {
    this.#timer = undefined;
    this.#timerMs = Number.POSITIVE_INFINITY;
    const nowMs = this.#clock.monotonic();
    for (let first = this.#heap[0]; first && first.dueMs <= nowMs; first = this.#heap[0]) {
      this.#pop();
      if (this.#current.get(first.key) !== first) continue;
      this.#current.delete(first.key);
      this.#onDue(first.item);
    }
    this.#arm();
  }

  #push(entry: Entry<T>): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above];
      if (!parent || parent.dueMs <= entry.dueMs) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const [left, right] = [heap[2 * at + 1], heap[2 * at + 2]];
      const isRight = left !== undefined && right !== undefined && right.dueMs < left.dueMs;
      const least = isRight ? right : left;
      if (!least || least.dueMs >= last.dueMs) break;
      heap[at] = least;
      at = 2 * at + (isRight ? 2 : 1);
    }
    heap[at] = last;
  }
}
