import { nameOf } from '@keelson/api';
import type { Node } from '@keelson/api/core/v1';
import { errorMessage, TaskGroup, type Clock, type Logger, type Runnable } from '@keelson/base';
import type { Informer } from '@keelson/controller-runtime';
import type { Subscription } from 'rxjs';
import type { MetricsSource } from './metrics-source.ts';
import type { MetricsStore } from './metrics-store.ts';
import { parseReading } from './reading.ts';

export interface ScraperDependencies {
  readonly nodes: Pick<Informer<Node>, 'deltas$' | 'get'>;
  readonly source: MetricsSource;
  readonly store: MetricsStore;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface ScraperOptions {
  readonly resolutionMs: number;
  readonly timeoutMs: number;
  readonly concurrency: number;
}

/** A node that was just found is asked again so soon, since one reading makes no rate, and its kubelet may not listen yet. */
const SOON_MS = 5000;
const EARLY_FAILURES = 3;

interface Scraped {
  timer: Disposable | undefined;
  hasReading: boolean;
  /** Since the last reading. */
  failures: number;
  failure: string | undefined;
}

/** Asks the kubelet of each node once a round, a few at a time. What a node that does not answer had told before is forgotten: it is not true any more. */
export class Scraper implements Runnable {
  readonly name = 'metrics scraper';
  readonly #deps: ScraperDependencies;
  readonly #options: ScraperOptions;
  readonly #nodes = new Map<string, Scraped>();
  /** Names of nodes whose turn it is, in order. */
  readonly #due: string[] = [];
  readonly #tasks: TaskGroup;
  #running = 0;
  #subscription: Subscription | undefined;

  constructor(deps: ScraperDependencies, options: ScraperOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#tasks = new TaskGroup(deps.logger);
  }

  async start(): Promise<void> {
    this.#subscription = this.#deps.nodes.deltas$.subscribe((deltas) => {
      for (const { type, object } of deltas) {
        if (type === 'added') this.#add(nameOf(object));
        else if (type === 'deleted') this.#remove(nameOf(object));
      }
    });
  }

  async stop(): Promise<void> {
    this.#subscription?.unsubscribe();
    for (const name of this.#nodes.keys()) this.#remove(name);
    await this.#tasks.stop();
  }

  #add(name: string): void {
    if (this.#nodes.has(name)) return;
    this.#nodes.set(name, { timer: undefined, hasReading: false, failures: 0, failure: undefined });
    this.#isDue(name);
  }

  #remove(name: string): void {
    this.#nodes.get(name)?.timer?.[Symbol.dispose]();
    this.#nodes.delete(name);
    this.#deps.store.drop(name);
  }

  #isDue(name: string): void {
    this.#due.push(name);
    this.#next();
  }

  #next(): void {
    while (this.#running < this.#options.concurrency) {
      const name = this.#due.shift();
      if (name === undefined) return;
      const scraped = this.#nodes.get(name);
      if (!scraped) continue;
      this.#running += 1;
      this.#tasks.run(`metrics of node ${name}`, (signal) => this.#scrape(name, scraped, signal));
    }
  }

  async #scrape(name: string, scraped: Scraped, signal: AbortSignal): Promise<void> {
    const { clock, store, nodes } = this.#deps;
    const begunMs = clock.monotonic();
    const isNew = !scraped.hasReading;
    try {
      const node = nodes.get(name);
      const reading = node && parseReading(await this.#read(node, signal), clock.now());
      // Meanwhile it may have gone, and another of its name have come.
      if (this.#nodes.get(name) !== scraped) return;
      if (reading) store.put(name, reading);
      this.#succeeded(name, scraped);
    } catch (error) {
      if (!signal.aborted && this.#nodes.get(name) === scraped) this.#failed(name, scraped, error);
    } finally {
      this.#running -= 1;
      if (!signal.aborted) {
        const isSoon = isNew && scraped.failures <= EARLY_FAILURES;
        this.#schedule(name, scraped, isSoon ? SOON_MS : this.#leftMs(begunMs));
        this.#next();
      }
    }
  }

  #leftMs(begunMs: number): number {
    return Math.max(0, this.#options.resolutionMs - (this.#deps.clock.monotonic() - begunMs));
  }

  #schedule(name: string, scraped: Scraped, delayMs: number): void {
    if (this.#nodes.get(name) !== scraped) return;
    scraped.timer = this.#deps.clock.after(delayMs, () => this.#isDue(name));
  }

  /** A source that does not heed its signal must not hold a place for ever. */
  async #read(node: Node, signal: AbortSignal): Promise<string> {
    const { promise: tooLate, reject } = Promise.withResolvers<never>();
    const limit = new AbortController();
    const give = (reason: unknown): void => {
      limit.abort(reason);
      reject(reason);
    };
    const onAbort = (): void => give(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    const { timeoutMs } = this.#options;
    using _timer = this.#deps.clock.after(timeoutMs, () => give(new Error(`no answer within ${timeoutMs} ms`)));
    try {
      return await Promise.race([this.#deps.source(node, limit.signal), tooLate]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  #succeeded(name: string, scraped: Scraped): void {
    if (scraped.failure !== undefined) this.#deps.logger.info('kubelet tells its metrics again', { node: name });
    scraped.failure = undefined;
    scraped.failures = 0;
    scraped.hasReading = true;
  }

  #failed(name: string, scraped: Scraped, error: unknown): void {
    this.#deps.store.drop(name);
    scraped.hasReading = false;
    scraped.failures += 1;
    const failure = errorMessage(error);
    // Said once, not each round.
    if (scraped.failure !== failure) this.#deps.logger.warn('metrics of a node could not be had', { node: name, error: failure });
    scraped.failure = failure;
  }
}
