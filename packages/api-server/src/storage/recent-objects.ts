import type { KubernetesObject } from '@keelson/api';

/** Bytes that the objects take when they are encoded; parsed, they take several times as much. */
const MAX_BYTES = 4 * 1024 * 1024;

/** Holds on to the last parsed objects, so that what was just written or read need not be parsed again; to fewer if they are large. */
export class RecentObjects {
  readonly #objects: (KubernetesObject | undefined)[];
  readonly #sizes: number[];
  #next = 0;
  #count = 0;
  #bytes = 0;

  constructor(capacity = 512) {
    this.#objects = Array.from({ length: capacity });
    this.#sizes = Array.from({ length: capacity }, () => 0);
  }

  /** How many there are. */
  get size(): number {
    return this.#count;
  }

  /** `bytes`: how large it is when it is encoded. */
  readonly remember = (object: KubernetesObject, bytes: number): void => {
    if (this.#count === this.#objects.length) this.#forgetOldest();
    this.#objects[this.#next] = object;
    this.#sizes[this.#next] = bytes;
    this.#next = (this.#next + 1) % this.#objects.length;
    this.#count += 1;
    this.#bytes += bytes;
    while (this.#bytes > MAX_BYTES && this.#count > 1) this.#forgetOldest();
  };

  #forgetOldest(): void {
    const capacity = this.#objects.length;
    const oldest = (this.#next - this.#count + capacity) % capacity;
    this.#objects[oldest] = undefined;
    this.#bytes -= this.#sizes[oldest] ?? 0;
    this.#count -= 1;
  }
}
