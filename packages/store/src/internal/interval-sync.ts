import { errorMessage, type Clock, type Logger } from '@keelson/base';

export interface IntervalSyncOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly everyMs: number;
  /** Resolves when all that was written before has reached the disk. */
  readonly sync: () => Promise<void>;
}

/** Takes to the disk, at equal intervals, what was written since the last time. */
export class IntervalSync {
  readonly #options: IntervalSyncOptions;
  readonly #timer: Disposable;
  #dirty = false;
  #running: Promise<void> | undefined;

  constructor(options: IntervalSyncOptions) {
    this.#options = options;
    this.#timer = options.clock.every(options.everyMs, () => {
      if (this.#dirty) this.#running ??= this.#sync();
    });
  }

  /** Something was written that is not on the disk yet. */
  written(): void {
    this.#dirty = true;
  }

  /** Resolves when everything is on the disk, or cannot be taken there. */
  async stop(): Promise<void> {
    this.#timer[Symbol.dispose]();
    await this.#running;
    if (this.#dirty) await this.#sync();
  }

  async #sync(): Promise<void> {
    this.#dirty = false;
    try {
      await this.#options.sync();
    } catch (error) {
      this.#dirty = true;
      this.#options.logger.warn('the store was not synced to disk, will try again', { error: errorMessage(error) });
    } finally {
      this.#running = undefined;
    }
  }
}
