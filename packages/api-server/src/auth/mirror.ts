import { apiVersionOf, keyOf, nameOf, namespaceOf, type Kind, type KubernetesObject } from '@keelson/api';
import { Backoff, errorMessage, sleepOn, TaskGroup, type Clock, type Logger } from '@keelson/base';
import type { Transport } from '@keelson/client';

interface Dependencies {
  readonly transport: () => Transport;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What is told of each change of a mirror. */
export interface MirrorListener<T> {
  /** `before`: what is in the mirror under the name. */
  readonly put: (object: T, before: T | undefined) => void;
  readonly drop: (object: T) => void;
}

/**
 * The objects of one kind, kept equal to what the API holds by a watch in the same process. For decisions on every request, such as
 * authorization; starts on first use and is empty until its first list is in.
 */
export class Mirror<T extends KubernetesObject> {
  readonly #kind: Kind<T>;
  readonly #dependencies: Dependencies;
  readonly #objects = new Map<string, Map<string, T>>();
  readonly #tasks: TaskGroup;
  readonly #listener: MirrorListener<T> | undefined;
  #ready: Promise<void> | undefined;

  constructor(kind: Kind<T>, dependencies: Dependencies, listener?: MirrorListener<T>) {
    this.#kind = kind;
    this.#listener = listener;
    this.#dependencies = dependencies;
    this.#tasks = new TaskGroup(dependencies.logger);
  }

  /** Resolves when the first list is in. */
  ready(): Promise<void> {
    this.#ready ??= new Promise((resolve) =>
      this.#tasks.run(`mirror of ${this.#kind.resource}`, (signal) => this.#follow(signal, resolve)),
    );
    return this.#ready;
  }

  get(name: string, namespace = ''): T | undefined {
    return this.#objects.get(namespace)?.get(name);
  }

  all(namespace = ''): Iterable<T> {
    return this.#objects.get(namespace)?.values() ?? [];
  }

  stop(): Promise<void> {
    return this.#tasks.stop();
  }

  async #follow(signal: AbortSignal, onReady: () => void): Promise<void> {
    const { clock, logger } = this.#dependencies;
    const backoff = new Backoff({ initialMs: 50, maxMs: 5_000, jitter: 0.5 });
    while (!signal.aborted) {
      try {
        const revision = await this.#list();
        onReady();
        backoff.reset();
        await this.#watch(revision, signal);
      } catch (error) {
        if (signal.aborted) return;
        logger.debug('watch ended; listing again', { resource: this.#kind.resource, error: errorMessage(error) });
        await sleepOn(clock, backoff.next(), signal).catch(() => undefined);
      }
    }
  }

  #path(): string {
    const prefix = this.#kind.group === '' ? '/api' : '/apis';
    return `${prefix}/${apiVersionOf(this.#kind)}/${this.#kind.resource}`;
  }

  async #list(): Promise<string> {
    const { body } = await this.#dependencies.transport().request({ method: 'GET', path: this.#path() });
    const list = body as { items: readonly T[]; metadata: { resourceVersion: string } };
    const gone = new Set([...this.#objects.values()].flatMap((objects) => [...objects.values()].map(keyOf)));
    for (const object of list.items) {
      gone.delete(keyOf(object));
      this.#put(object);
    }
    for (const key of gone) this.#drop(key);
    return list.metadata.resourceVersion;
  }

  #watch(resourceVersion: string, signal: AbortSignal): Promise<void> {
    const events$ = this.#dependencies
      .transport()
      .watch({ method: 'GET', path: this.#path(), query: { watch: true, resourceVersion }, signal });
    return new Promise((resolve, reject) => {
      const subscription = events$.subscribe({
        next: (events) => {
          for (const event of events) {
            if (event.type === 'BOOKMARK') continue;
            if (event.type === 'DELETED') this.#drop(keyOf(event.object));
            else this.#put(event.object as T);
          }
        },
        error: reject,
        complete: resolve,
      });
      signal.addEventListener(
        'abort',
        () => {
          subscription.unsubscribe();
          resolve();
        },
        { once: true },
      );
    });
  }

  #put(object: T): void {
    const [name, namespace] = [nameOf(object), namespaceOf(object)];
    const inNamespace = this.#objects.get(namespace) ?? new Map<string, T>();
    this.#listener?.put(object, inNamespace.get(name));
    this.#objects.set(namespace, inNamespace.set(name, object));
  }

  #drop(key: string): void {
    const [name = '', namespace = ''] = key.split('/').toReversed();
    const known = this.get(name, namespace);
    this.#objects.get(namespace)?.delete(name);
    if (known) this.#listener?.drop(known);
  }
}
