import { keyOf, type KubernetesObject } from '@keelson/api';
import type { Clock } from '@keelson/base';
import type { ObjectList, WatchEvent } from '@keelson/client';

/** The bookmark behind the initial events has this annotation. */
const END = 'k8s.io/initial-events-end';
/** A server that tells nothing new for so long, nor that it is done, will never say so: it has not understood what it was asked for. */
const LONGEST_PAUSE_MS = 15_000;

/**
 * What a watch with `sendInitialEvents` tells first: all objects there are, in as many events as it takes, and a bookmark that says that this
 * was all. So a list need not be held as one body, neither here nor in the server.
 */
export class InitialEvents<T extends KubernetesObject> implements Disposable {
  readonly #objects = new Map<string, T>();
  readonly #pauses: Disposable;
  #seen = -1;
  #isOver = false;

  /** `onStuck` is called if the end does not come. */
  constructor(clock: Clock, onStuck: () => void) {
    this.#pauses = clock.every(LONGEST_PAUSE_MS, () => {
      if (this.#objects.size === this.#seen) onStuck();
      this.#seen = this.#objects.size;
    });
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Once they are over, all objects with their version, and the events behind. */
  take(events: readonly WatchEvent<T>[]): { readonly all: ObjectList<T>; readonly rest: readonly WatchEvent<T>[] } | undefined {
    for (const [at, { type, object }] of events.entries()) {
      if (type === 'DELETED') this.#objects.delete(keyOf(object));
      else if (type !== 'BOOKMARK') this.#objects.set(keyOf(object), object);
      else if (object.metadata?.annotations?.[END] === 'true') {
        this.#isOver = true;
        this[Symbol.dispose]();
        const metadata = { resourceVersion: object.metadata.resourceVersion ?? '' };
        return { all: { items: [...this.#objects.values()], metadata }, rest: events.slice(at + 1) };
      }
    }
    return undefined;
  }

  [Symbol.dispose](): void {
    this.#pauses[Symbol.dispose]();
  }
}
