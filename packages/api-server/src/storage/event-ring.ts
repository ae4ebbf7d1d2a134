import type { CacheEvent } from './cache-event.ts';

/** The last changes of one resource, in order, so that a watch can begin a little in the past. */
export class EventRing {
  readonly #capacity: number;
  #events: CacheEvent[] = [];
  /** Everything after this revision is here. */
  #since: number;

  constructor(capacity: number, since: number) {
    this.#capacity = capacity;
    this.#since = since;
  }

  get since(): number {
    return this.#since;
  }

  push(event: CacheEvent): void {
    this.#events.push(event);
    if (this.#events.length < this.#capacity * 2) return;
    // Dropping half at a time keeps a push cheap.
    const dropped = this.#events.slice(0, this.#capacity);
    this.#since = dropped.at(-1)?.revision ?? this.#since;
    this.#events = this.#events.slice(this.#capacity);
  }

  /** Those after `revision`, which must not be before `since`. */
  after(revision: number): readonly CacheEvent[] {
    let low = 0;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#events[middle]?.revision ?? 0) > revision) high = middle;
      else low = middle + 1;
    }
    return this.#events.slice(low);
  }
}
