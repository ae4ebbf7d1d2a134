import { apiVersionOf, type Kind, type KubernetesObject } from '@keelson/api';
import { Backoff, errorMessage, sleepOn, TaskGroup, type Clock, type Logger } from '@keelson/base';
import type { Transport } from '@keelson/client';

interface Dependencies {
  readonly transport: () => Transport;
  readonly clock: Clock;
  readonly logger: Logger;
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
  #ready: Promise<void> | undefined;

  constructor(kind: Kind<T>, dependencies: Dependencies) {
    this.#kind = kind;
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
    this.#objects.clear();
    for (const object of list.items) this.#put(object);
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
            if (event.type === 'DELETED') this.#drop(event.object);
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
    const { name = '', namespace = '' } = object.metadata ?? {};
    const inNamespace = this.#objects.get(namespace) ?? new Map<string, T>();
    this.#objects.set(namespace, inNamespace.set(name, object));
  }

  #drop(object: KubernetesObject): void {
    const { name = '', namespace = '' } = object.metadata ?? {};
    this.#objects.get(namespace)?.delete(name);
  }
}
