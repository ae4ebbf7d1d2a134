import { Backoff, errorMessage, sleepOn, type Clock, type Logger, type TaskGroup } from '@keelson/base';
import type { WatchNote } from './cache-event.ts';
import type { ResourceStorage } from './resource-storage.ts';
import type { StoredObject } from './stored-object.ts';
import type { Watcher } from './watcher-index.ts';

export interface FollowerDependencies {
  readonly storage: ResourceStorage;
  /** Owns what is done to find the store again. */
  readonly tasks: TaskGroup;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called for what is there and for each change, within the turn in which this server hears of it. */
  readonly seen: (item: StoredObject) => void;
  readonly gone: (name: string) => void;
}

/** Follows all objects of a kind that has no namespaces, also when the store is lost for a while. */
export class Follower implements Watcher {
  readonly selection = { fields: [] };
  readonly #deps: FollowerDependencies;
  readonly #names = new Set<string>();
  /** Names in the state that a watch began with. */
  #initial: Set<string> | undefined;

  constructor(deps: FollowerDependencies) {
    this.#deps = deps;
  }

  /** Resolves when all that is there has been seen. */
  async start(): Promise<void> {
    const { cache } = this.#deps.storage;
    await cache.ready();
    const initial = new Set<string>();
    this.#initial = initial;
    cache.watch(this, { from: 'state' });
    this.#initial = undefined;
    const vanished = Array.from(this.#names).filter((name) => !initial.has(name));
    for (const name of vanished) this.#gone(name);
  }

  stop(): void {
    this.#deps.storage.cache.unwatch(this);
  }

  /** See `Watcher`. */
  notes(notes: readonly WatchNote[]): void {
    for (const { type, item } of notes) {
      this.#initial?.add(item.name);
      if (type === 'DELETED') this.#gone(item.name);
      else this.#seen(item);
    }
  }

  /** See `Watcher`. The cache has lost the store, or is closed. */
  end(): void {
    const { tasks, clock, logger } = this.#deps;
    tasks.run('follow objects', async (signal) => {
      const backoff = new Backoff({ initialMs: 50, maxMs: 5_000, jitter: 0.5 });
      while (!signal.aborted) {
        try {
          return await this.start();
        } catch (error) {
          logger.warn('cannot read what is to be followed', { error: errorMessage(error) });
          await sleepOn(clock, backoff.next(), signal).catch(() => undefined);
        }
      }
    });
  }

  #seen(item: StoredObject): void {
    this.#names.add(item.name);
    this.#deps.seen(item);
  }

  #gone(name: string): void {
    if (this.#names.delete(name)) this.#deps.gone(name);
  }
}
