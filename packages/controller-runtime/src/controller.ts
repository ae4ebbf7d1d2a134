import { controllerOf, keyOf, namespaceOf, type Kind, type KubernetesObject } from '@keelson/api';
import { errorMessage, KeelsonError, TaskGroup, type Clock, type Logger, type Runnable } from '@keelson/base';
import type { Delta, Informer } from './informer.ts';
import type { RateLimiter } from './rate-limiter.ts';
import { WorkQueue } from './work-queue.ts';

/** `namespace` is empty for cluster-scoped objects. */
export interface NamespacedName {
  readonly namespace: string;
  readonly name: string;
}

/** When to look at a key again, without anything having changed. */
export interface ReconcileResult {
  readonly requeueAfterMs?: number;
}

export interface ReconcileContext {
  /** Aborts when the controller stops, and when the reconciler takes too long. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/**
 * Makes the world as one object wants it. It gets a key, not an event: it reads what it needs, works out what is missing and does that;
 * running it twice changes nothing more. What it throws is logged, and the key tried again with back-off.
 */
export interface Reconciler {
  reconcile(key: NamespacedName, context: ReconcileContext): Promise<ReconcileResult | void>;
}

/** Thrown by a reconciler where trying again could not help, until something changes. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError';
}

/** Where a controller's keys come from. */
export interface Source {
  readonly ready: (signal: AbortSignal) => Promise<void>;
  /** Calls `enqueue` for keys (`namespace/name`, or `name`) until the handle is disposed. */
  subscribe(enqueue: (key: string, priority: 'normal' | 'low') => void): Disposable;
}

/** The key of each object that changes; or the keys that `map` makes of it. */
export function fromInformer<T extends KubernetesObject>(
  informer: Informer<T>,
  map: (object: T) => readonly string[] = (object) => [keyOf(object)],
): Source {
  const keysOf = (delta: Delta<T>): readonly string[] =>
    delta.type === 'updated' ? [...map(delta.old), ...map(delta.object)] : map(delta.object);
  return {
    ready: (signal) => informer.whenSynced(signal),
    subscribe: (enqueue) => {
      const subscription = informer.deltas$.subscribe((deltas) => {
        for (const delta of deltas) {
          const priority = delta.type === 'added' && delta.initial ? 'low' : 'normal';
          for (const key of keysOf(delta)) enqueue(key, priority);
        }
      });
      return { [Symbol.dispose]: () => subscription.unsubscribe() };
    },
  };
}

/** The key of the object of kind `owner` that controls what changes. */
export function ownedBy<T extends KubernetesObject>(informer: Informer<T>, owner: Kind): Source {
  return fromInformer(informer, (object) => {
    const reference = controllerOf(object);
    const isOwner = reference?.kind === owner.kind && reference.apiVersion.split('/')[0] === (owner.group || owner.version);
    if (!reference || !isOwner) return [];
    return [owner.namespaced ? `${namespaceOf(object)}/${reference.name}` : reference.name];
  });
}

interface Dependencies {
  readonly name: string;
  readonly reconciler: Reconciler;
  readonly sources: readonly Source[];
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface ControllerOptions {
  /** Keys worked on at the same time. Default 1. */
  readonly concurrency?: number;
  /** A reconciler that takes longer is aborted and counts as failed. Default 5 minutes. */
  readonly timeoutMs?: number;
  readonly rateLimiter?: RateLimiter<string>;
}

/** Runs a reconciler for the keys of its sources: one at a time for each key, with back-off after failures. */
export class Controller implements Runnable {
  readonly name: string;
  readonly queue: WorkQueue;
  readonly #dependencies: Dependencies;
  readonly #options: Required<Omit<ControllerOptions, 'rateLimiter'>>;
  readonly #logger: Logger;
  readonly #tasks: TaskGroup;
  #subscriptions: Disposable[] = [];

  constructor(dependencies: Dependencies, options: ControllerOptions = {}) {
    this.name = dependencies.name;
    this.#dependencies = dependencies;
    this.#options = { concurrency: options.concurrency ?? 1, timeoutMs: options.timeoutMs ?? 300_000 };
    this.#logger = dependencies.logger.child({ controller: dependencies.name });
    this.#tasks = new TaskGroup(this.#logger);
    this.queue = new WorkQueue({ clock: dependencies.clock, ...(options.rateLimiter && { rateLimiter: options.rateLimiter }) });
  }

  /** Resolves when the sources are ready and work has begun. */
  async start(signal: AbortSignal): Promise<void> {
    const { sources } = this.#dependencies;
    await Promise.all(sources.map((source) => source.ready(signal)));
    this.#subscriptions = sources.map((source) => source.subscribe((key, priority) => this.queue.add(key, { priority })));
    for (let worker = 0; worker < this.#options.concurrency; worker += 1)
      this.#tasks.run(`worker of ${this.name}`, (own) => this.#work(own));
  }

  /** Waits for what is being reconciled; its signal aborts. */
  async stop(): Promise<void> {
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]();
    this.queue.shutDown();
    await this.#tasks.stop();
  }

  async #work(signal: AbortSignal): Promise<void> {
    for (let key = await this.queue.take(); key !== undefined; key = await this.queue.take()) {
      await this.#reconcile(key, signal);
      this.queue.done(key);
    }
  }

  /** Never rejects. */
  async #reconcile(key: string, signal: AbortSignal): Promise<void> {
    try {
      const result = await this.#attempt(key, signal);
      this.queue.forget(key);
      if (result?.requeueAfterMs !== undefined) this.queue.addAfter(key, result.requeueAfterMs);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof TerminalError) {
        this.#logger.error('reconciler gave up', { key, error: error.message });
        this.queue.forget(key);
      } else {
        this.#logger.warn('reconciler failed; trying again', {
          key,
          failures: this.queue.failures(key) + 1,
          error: errorMessage(error),
        });
        this.queue.addRateLimited(key);
      }
    }
  }

  async #attempt(key: string, signal: AbortSignal): Promise<ReconcileResult | void> {
    const timeout = new AbortController();
    const slash = key.indexOf('/');
    const name = { namespace: key.slice(0, Math.max(0, slash)), name: key.slice(slash + 1) };
    const context = { signal: AbortSignal.any([signal, timeout.signal]), logger: this.#logger.child({ key }) };
    const late = Promise.withResolvers<never>();
    using _timer = this.#dependencies.clock.after(this.#options.timeoutMs, () => {
      const error = new KeelsonError('Timeout', `Reconciling "${key}" took longer than ${this.#options.timeoutMs} ms`);
      timeout.abort(error);
      late.reject(error);
    });
    return await Promise.race([this.#dependencies.reconciler.reconcile(name, context), late.promise]);
  }
}
