import { keyOf, type Kind, type KubernetesObject } from '@keelson/api';
import { Feed, type FeedDependencies } from './feed.ts';

/** What is told of each change of a mirror. */
export interface MirrorListener<T> {
  /** `before`: what is in the mirror under the name. */
  readonly put: (object: T, before: T | undefined) => void;
  readonly drop: (object: T) => void;
}

/**
 * The objects of one kind, kept equal to what the API holds by a watch in the same process. For decisions on every request, such as
 * authorization; starts on first use and is empty until it knows all objects there are.
 */
export class Mirror<T extends KubernetesObject> {
  readonly #objects = new Map<string, T>();
  readonly #feed: Feed<T>;
  readonly #listener: MirrorListener<T>;

  constructor(kind: Kind<T>, dependencies: FeedDependencies, listener: MirrorListener<T>) {
    this.#listener = listener;
    this.#feed = new Feed(kind, dependencies, {
      put: (object) => this.#put(object),
      drop: (key) => this.#drop(key),
      keys: () => this.#objects.keys(),
    });
  }

  /** Resolves when all objects are known. */
  ready(): Promise<void> {
    return this.#feed.ready();
  }

  stop(): Promise<void> {
    return this.#feed.stop();
  }

  #put(object: T): void {
    const key = keyOf(object);
    this.#listener.put(object, this.#objects.get(key));
    this.#objects.set(key, object);
  }

  #drop(key: string): void {
    const known = this.#objects.get(key);
    this.#objects.delete(key);
    if (known) this.#listener.drop(known);
  }
}
