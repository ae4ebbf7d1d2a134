import type { CacheEvent } from './cache-event.ts';

/** How many bytes of objects are kept beyond what is kept in any case. */
const MAX_BYTES = 16 * 1024 * 1024;
/** So many changes are kept however large they are. */
const MIN_EVENTS = 128;

/** The last changes of one resource, in order, so that a watch can begin a little in the past: fewer of them if the objects are large. */
export class EventRing {
  readonly #capacity: number;
  #events: CacheEvent[] = [];
  #bytes = 0;
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
    this.#bytes += event.bytes;
    const count = this.#events.length;
    // Dropping half at a time keeps a push cheap.
    if (count >= this.#capacity * 2) this.#drop(this.#capacity);
    else if (this.#bytes > MAX_BYTES && count >= MIN_EVENTS * 2) this.#drop(count >>> 1);
  }

  #drop(count: number): void {
    const dropped = this.#events.slice(0, count);
    this.#since = dropped.at(-1)?.revision ?? this.#since;
    this.#events = this.#events.slice(count);
    for (const { bytes } of dropped) this.#bytes -= bytes;
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
