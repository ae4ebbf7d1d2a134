import type { KubernetesObject } from '@keelson/api';

/** Holds on to the last parsed objects, so that what was just written or read need not be parsed again. */
export class RecentObjects {
  readonly #slots: (KubernetesObject | undefined)[];
  #next = 0;

  constructor(capacity = 512) {
    this.#slots = Array.from({ length: capacity });
  }

  readonly remember = (object: KubernetesObject): void => {
    this.#slots[this.#next] = object;
    this.#next = (this.#next + 1) % this.#slots.length;
  };
}
