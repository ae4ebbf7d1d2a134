import { KeelsonError } from './errors.ts';

/**
 * A queue between a producer that cannot wait and a consumer that reads at its own pace. Past `capacity` items the queue fails: the
 * consumer gets what was queued before, then the error.
 */
export class BoundedQueue<T> implements AsyncIterable<T> {
  readonly #capacity: number;
  readonly #items: T[] = [];
  #wake: (() => void) | undefined;
  #ended = false;
  #error: unknown;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#items.length;
  }

  /** False if the item was not taken, because the queue has ended or has just failed by overflow. */
  push(item: T): boolean {
    if (this.#ended) return false;
    if (this.#items.length >= this.#capacity) {
      this.fail(new KeelsonError('Expired', `Reader fell more than ${this.#capacity} items behind`));
      return false;
    }
    this.#items.push(item);
    this.#signal();
    return true;
  }

  /** Ends the queue; items already in it are still delivered. */
  end(): void {
    this.#ended = true;
    this.#signal();
  }

  fail(error: unknown): void {
    if (this.#ended) return;
    this.#error = error;
    this.end();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    try {
      for (;;) {
        while (this.#items.length > 0) yield this.#items.shift() as T;
        if (this.#error !== undefined) throw this.#error;
        if (this.#ended) return;
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.#ended = true;
      this.#items.length = 0;
    }
  }

  #signal(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
