import { errorMessage, type Clock, type Logger } from '@keelson/base';
import type { Revision } from '../store.ts';

export interface HistoryKeeperOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** For how long overwritten and deleted values are kept; `Infinity` keeps them until `compact` is called. */
  readonly historyMs: number;
  readonly revision: () => Revision;
  readonly compact: (upTo: Revision) => Promise<void>;
  /** The longest time between two steps, in milliseconds. 5,000 if absent. */
  readonly longestStepMs?: number;
  /** A revision up to which history must go because it takes too much room, whatever its age. */
  readonly overflow?: () => Revision | undefined;
}

const LONGEST_STEP_MS = 5_000;

/** Compacts a store again and again, in small steps, so that its history has about the same age all the time. */
export class HistoryKeeper {
  readonly #options: HistoryKeeperOptions;
  readonly #timer: Disposable | undefined;
  /** Which revision was the newest at which time, oldest first. */
  readonly #marks: { readonly atMs: number; readonly revision: Revision }[] = [];
  #running: Promise<void> | undefined;
  /** Up to where history is to go, and is gone. */
  #wanted: Revision = 0;
  #done: Revision = 0;
  #stopped = false;

  constructor(options: HistoryKeeperOptions) {
    this.#options = options;
    this.#mark();
    if (options.historyMs === Infinity && !options.overflow) return;
    const { longestStepMs = LONGEST_STEP_MS } = options;
    this.#timer = options.clock.every(Math.max(1, Math.min(longestStepMs, options.historyMs / 10)), () => this.#tick());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.[Symbol.dispose]();
    await this.#running;
  }

  #tick(): void {
    this.#mark();
    this.#wanted = Math.max(this.#wanted, this.#aged(), this.#options.overflow?.() ?? 0);
    if (this.#wanted > this.#done) this.#running ??= this.#compact();
  }

  async #compact(): Promise<void> {
    try {
      // A tick that comes meanwhile may want more.
      while (this.#wanted > this.#done) {
        const upTo = this.#wanted;
        await this.#options.compact(upTo);
        this.#done = upTo;
      }
    } catch (error) {
      if (this.#stopped) return;
      this.#options.logger.warn('history was not compacted, will try again', { upTo: this.#wanted, error: errorMessage(error) });
    } finally {
      this.#running = undefined;
    }
  }

  #mark(): void {
    this.#marks.push({ atMs: this.#options.clock.monotonic(), revision: this.#options.revision() });
  }

  /** The newest revision that was already the newest `historyMs` ago; 0 if that is not known. */
  #aged(): Revision {
    const beforeMs = this.#options.clock.monotonic() - this.#options.historyMs;
    let revision = 0;
    while (this.#marks[0] && this.#marks[0].atMs <= beforeMs) revision = this.#marks.shift()?.revision ?? 0;
    return revision;
  }
}
