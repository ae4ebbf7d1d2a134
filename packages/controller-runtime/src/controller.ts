import { randomUUID } from 'node:crypto';
import { errorMessage, KeelsonError, TaskGroup, type Clock, type Logger, type Runnable } from '@keelson/base';
import type { Span } from '@opentelemetry/api';
import type { Registry } from 'prom-client';
import { controllerMetrics, type ControllerMetrics, type ReconcileOutcome } from './metrics.ts';
import type { RateLimiter } from './rate-limiter.ts';
import { keyText, type NamespacedName, type Source } from './source.ts';
import { inSpan, noteError } from './tracing.ts';
import { WorkQueue } from './work-queue.ts';

/** When to look at a key again, without anything having changed. */
export interface ReconcileResult {
  readonly requeueAfterMs?: number;
  /** Soon, with the back-off of a failure. `requeueAfterMs` goes before it. */
  readonly requeue?: boolean;
}

export interface ReconcileContext {
  /** Aborts when the controller stops, and when the reconciler takes too long. */
  readonly signal: AbortSignal;
  /** Says key and `reconcileId`, which is another one at each run. */
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

/** How long a worker goes on before others of the process have their turn. */
const TURN_MS = 10;

interface Dependencies {
  readonly name: string;
  readonly reconciler: Reconciler;
  readonly sources: readonly Source[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where `workqueue_*` and `controller_runtime_*` go. None if absent. */
  readonly metrics?: Registry;
}

export interface ControllerOptions {
  /** Keys worked on at the same time. Default 1. */
  readonly concurrency?: number;
  /** A reconciler that takes longer is aborted and counts as failed. Default 5 minutes. */
  readonly timeoutMs?: number;
  /** Of keys as `keyText` writes them. `defaultRateLimiter` if absent. */
  readonly rateLimiter?: RateLimiter;
}

/**
 * Runs a reconciler for the keys of its sources: one at a time for each key, with back-off after failures. A reconciler that throws or hangs
 * costs only its own key; one that goes on after its signal has aborted may meet its own next run.
 */
export class Controller implements Runnable {
  readonly name: string;
  readonly queue: WorkQueue<NamespacedName>;
  readonly #dependencies: Dependencies;
  readonly #concurrency: number;
  readonly #timeoutMs: number;
  readonly #logger: Logger;
  readonly #metrics: ControllerMetrics | undefined;
  readonly #tasks: TaskGroup;
  #subscriptions: Disposable[] = [];

  constructor(dependencies: Dependencies, { concurrency = 1, timeoutMs = 300_000, rateLimiter }: ControllerOptions = {}) {
    const { name, clock, logger, metrics } = dependencies;
    this.name = name;
    this.#dependencies = dependencies;
    this.#concurrency = concurrency;
    this.#timeoutMs = timeoutMs;
    this.#logger = logger.child({ controller: name });
    this.#metrics = metrics && controllerMetrics(metrics, name, concurrency);
    this.#tasks = new TaskGroup(this.#logger);
    this.queue = new WorkQueue({
      clock,
      name,
      key: keyText,
      ...(rateLimiter && { rateLimiter }),
      ...(this.#metrics && { metrics: this.#metrics.queue }),
    });
  }

  /** Resolves when the sources are synced and work has begun. */
  async start(signal: AbortSignal): Promise<void> {
    const { sources } = this.#dependencies;
    await Promise.all(sources.map((source) => source.whenSynced(signal)));
    this.#subscriptions = sources.map((source) =>
      source.subscribe((key, { delayMs = 0, ...options } = {}) => this.queue.addAfter(key, delayMs, options)),
    );
    for (let worker = 0; worker < this.#concurrency; worker += 1)
      this.#tasks.run(`worker of ${this.name}`, (own) => this.#work(own));
  }

  /** Waits for what is being reconciled; its signal aborts. */
  async stop(): Promise<void> {
    for (const subscription of this.#subscriptions.splice(0)) subscription[Symbol.dispose]();
    this.queue.shutDown();
    await this.#tasks.stop();
  }

  async #work(signal: AbortSignal): Promise<void> {
    let turnMs = performance.now();
    for (let key = await this.queue.take(); key !== undefined; key = await this.queue.take()) {
      await this.#reconcile(key, signal);
      this.queue.done(key);
      // An API server in this process may answer without ever waiting: timers and sockets would not get a turn.
      if (performance.now() - turnMs < TURN_MS) continue;
      await new Promise((resolve) => setImmediate(resolve));
      turnMs = performance.now();
    }
  }

  /** Never rejects. */
  #reconcile(key: NamespacedName, signal: AbortSignal): Promise<void> {
    const { namespace, name } = key;
    const attributes = { 'keelson.controller': this.name, 'k8s.namespace.name': namespace, 'k8s.object.name': name };
    return inSpan(`reconcile ${this.name}`, { attributes }, (span) => this.#run(key, signal, span));
  }

  async #run(key: NamespacedName, signal: AbortSignal, span: Span): Promise<void> {
    const startMs = this.#dependencies.clock.monotonic();
    this.#metrics?.started();
    let outcome: ReconcileOutcome | undefined;
    // Most runs log nothing.
    let own: Logger | undefined;
    const logger = (): Logger => {
      if (own) return own;
      const reconcileId = randomUUID();
      span.setAttribute('keelson.reconcile.id', reconcileId);
      return (own = this.#logger.child({ key: keyText(key), reconcileId }));
    };
    try {
      outcome = this.#comeBack(key, (await this.#attempt(key, signal, logger)) ?? {});
    } catch (error) {
      if (!signal.aborted) {
        outcome = 'error';
        noteError(span, error);
        this.#retry(key, error, logger());
      }
    }
    span.setAttribute('keelson.reconcile.result', outcome ?? 'aborted');
    this.#metrics?.finished(outcome, this.#dependencies.clock.monotonic() - startMs);
  }

  #comeBack(key: NamespacedName, { requeueAfterMs = 0, requeue = false }: ReconcileResult): ReconcileOutcome {
    if (requeueAfterMs > 0) {
      this.queue.forget(key);
      this.queue.addAfter(key, requeueAfterMs);
      return 'requeue_after';
    }
    if (requeue) {
      this.queue.addRateLimited(key);
      return 'requeue';
    }
    this.queue.forget(key);
    return 'success';
  }

  #retry(key: NamespacedName, error: unknown, logger: Logger): void {
    if (error instanceof TerminalError) {
      this.#metrics?.terminalError();
      logger.error('reconciler gave up', { error: error.message });
      this.queue.forget(key);
      return;
    }
    const failures = this.queue.failures(key) + 1;
    logger.warn('reconciler failed; trying again', { failures, error: errorMessage(error) });
    this.queue.addRateLimited(key);
  }

  async #attempt(key: NamespacedName, signal: AbortSignal, logger: () => Logger): Promise<ReconcileResult | void> {
    const timeout = new AbortController();
    const late = Promise.withResolvers<never>();
    using _timer = this.#dependencies.clock.after(this.#timeoutMs, () => {
      this.#metrics?.timedOut();
      const error = new KeelsonError('Timeout', `Reconciling "${keyText(key)}" took longer than ${this.#timeoutMs} ms`);
      timeout.abort(error);
      late.reject(error);
    });
    const context: ReconcileContext = {
      signal: AbortSignal.any([signal, timeout.signal]),
      get logger() {
        return logger();
      },
    };
    return await Promise.race([this.#dependencies.reconciler.reconcile(key, context), late.promise]);
  }
}
