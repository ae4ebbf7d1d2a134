import { errorMessage } from './errors.ts';
import type { Logger } from './logger.ts';

/** Something with a life: it starts once, runs, and stops once. */
export interface Runnable {
  readonly name: string;
  /** Resolves when it is ready to be used. Gives up promptly when `signal` aborts. */
  start(signal: AbortSignal): Promise<void>;
  /** Resolves when nothing of it runs any more: no timer, socket or promise. Safe to call if `start` failed or never ran. */
  stop(): Promise<void>;
}

/**
 * Starts components in the order in which they were added and stops them in the opposite order. A start that fails stops what already
 * ran and rethrows. A stop that fails is logged and does not keep the others from stopping.
 */
export class Lifecycle implements Runnable {
  readonly name = 'lifecycle';
  readonly #parts: Runnable[] = [];
  readonly #running: Runnable[] = [];
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  add<T extends Runnable>(part: T): T {
    this.#parts.push(part);
    return part;
  }

  /** Starts a part now, and has it stopped with the others: for what can only be made when others run. */
  async run<T extends Runnable>(part: T, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    this.#running.push(part);
    await part.start(signal);
    return part;
  }

  async start(signal: AbortSignal): Promise<void> {
    try {
      for (const part of this.#parts) await this.run(part, signal);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    for (let part = this.#running.pop(); part; part = this.#running.pop()) {
      try {
        await part.stop();
      } catch (error) {
        this.#logger.error('component did not stop cleanly', { component: part.name, error: errorMessage(error) });
      }
    }
  }
}

/**
 * Owns promises that nobody awaits. Each task gets a signal that aborts when the group stops; what a task throws is logged, never
 * lost. `stop` aborts and waits for all of them.
 */
export class TaskGroup {
  readonly #controller = new AbortController();
  readonly #tasks = new Set<Promise<void>>();
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Runs `task`; does nothing once the group is stopping. */
  run(name: string, task: (signal: AbortSignal) => Promise<void>): void {
    const { signal } = this.#controller;
    if (signal.aborted) return;
    const running = task(signal)
      .catch((error: unknown) => {
        if (!signal.aborted) this.#logger.error('task failed', { task: name, error: errorMessage(error) });
      })
      .finally(() => this.#tasks.delete(running));
    this.#tasks.add(running);
  }

  async stop(): Promise<void> {
    this.#controller.abort(new Error('stopped'));
    await Promise.all(this.#tasks);
  }
}
