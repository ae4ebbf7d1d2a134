import { errorMessage, TaskGroup, type Clock, type Logger } from '@keelson/base';

interface Dependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Taints the node of this name, if that is still called for. */
  readonly taint: (name: string) => Promise<void>;
}

/**
 * The nodes of a zone that wait to be tainted, one after the other at a rate. Example: at 0.1 a second the first is tainted at once, the
 * second ten seconds later. At rate 0 they wait for a better one.
 */
export class ZoneTainter {
  readonly #dependencies: Dependencies;
  readonly #waiting = new Set<string>();
  readonly #tasks: TaskGroup;
  #perSecond: number;
  #nextMs: number;
  #timer: Disposable | undefined;

  constructor(dependencies: Dependencies, perSecond: number) {
    this.#dependencies = dependencies;
    this.#perSecond = perSecond;
    this.#nextMs = dependencies.clock.monotonic();
    this.#tasks = new TaskGroup(dependencies.logger);
  }

  add(name: string): void {
    if (this.#waiting.has(name)) return;
    this.#waiting.add(name);
    this.#arm();
  }

  remove(name: string): void {
    this.#waiting.delete(name);
  }

  get rate(): number {
    return this.#perSecond;
  }

  /** The wait begins anew, at the new rate, if one was on. */
  setRate(perSecond: number): void {
    if (perSecond === this.#perSecond) return;
    const nowMs = this.#dependencies.clock.monotonic();
    const wasWaiting = this.#perSecond === 0 || this.#nextMs > nowMs;
    this.#perSecond = perSecond;
    this.#nextMs = wasWaiting ? nowMs + this.#pauseMs : nowMs;
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#arm();
  }

  async stop(): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    this.#waiting.clear();
    await this.#tasks.stop();
  }

  get #pauseMs(): number {
    return 1_000 / this.#perSecond;
  }

  #arm(): void {
    if (this.#timer || this.#waiting.size === 0 || this.#perSecond === 0) return;
    const { clock } = this.#dependencies;
    this.#timer = clock.after(Math.max(0, this.#nextMs - clock.monotonic()), () => {
      this.#timer = undefined;
      this.#taintNext();
    });
  }

  #taintNext(): void {
    const [name] = this.#waiting;
    if (name === undefined) return;
    this.#waiting.delete(name);
    this.#nextMs = this.#dependencies.clock.monotonic() + this.#pauseMs;
    this.#tasks.run(`taint of ${name}`, async () => this.#taint(name));
    this.#arm();
  }

  async #taint(name: string): Promise<void> {
    const { logger, taint } = this.#dependencies;
    try {
      await taint(name);
    } catch (error) {
      logger.warn('node not tainted; trying again', { node: name, error: errorMessage(error) });
      this.add(name);
    }
  }
}
