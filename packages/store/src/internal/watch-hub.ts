// Hot path: every commit passes through `publish`. It costs a few map look-ups a changed key, and one call for each watcher that the
// commit concerns.
import { KeelsonError } from '@keelson/base';
import { Observable, type Subscriber } from 'rxjs';
import type { Key, Revision, StoreEvent } from '../store.ts';
import { checkPrefix, checkRevision, closedError, expired } from './keys.ts';
import { PrefixIndex } from './prefix-index.ts';
import { nextTurn } from './turn.ts';

/** What one commit changed, in the order of its writes. */
export interface Commit {
  readonly revision: Revision;
  readonly events: readonly StoreEvent[];
}

/** Some commits that touch a prefix, cut down to it: all of them up to `through`. */
export interface HistoryPiece {
  readonly commits: readonly Commit[];
  readonly through: Revision;
}

/** Commits that were published before, for watchers that start in the past. */
export interface CommitHistory {
  /** Commits up to this revision can no longer be read. */
  compacted(): Revision;
  /** A bounded piece of the commits after `after` and up to `upTo`. May reject with `Expired`. */
  read(prefix: Key, after: Revision, upTo: Revision): HistoryPiece | Promise<HistoryPiece>;
}

export interface WatchHubOptions {
  readonly history: CommitHistory;
  /** The newest revision at the start. */
  readonly revision: Revision;
  /** By how many commits a replay may be behind. */
  readonly maxWatchLag: number;
}

interface Watcher {
  readonly prefix: Key;
  readonly subscriber: Subscriber<readonly StoreEvent[]>;
  /** All events up to this revision have been given, or were not asked for. */
  cursor: Revision;
}

interface ProgressReader {
  readonly subscriber: Subscriber<Revision>;
  last: Revision;
}

/**
 * Hands commits to the watchers that they concern. A watcher that starts in the past reads the history in pieces, off the index, until
 * it has seen the newest revision, and joins the index in the same turn: nothing is missed and, by its cursor, nothing comes twice.
 */
export class WatchHub {
  readonly #options: WatchHubOptions;
  readonly #index = new PrefixIndex<Watcher>();
  readonly #live = new Set<Watcher>();
  readonly #replaying = new Set<Watcher>();
  readonly #progressReaders = new Set<ProgressReader>();
  readonly #queue: Commit[] = [];
  #published: Revision;
  /** All live watchers have been given what came up to here. */
  #dispatched: Revision;
  #dispatching = false;
  #closed = false;

  /** See `Store.progress$`. */
  readonly progress$: Observable<Revision> = new Observable<Revision>((subscriber) => this.#addProgressReader(subscriber));

  constructor(options: WatchHubOptions) {
    this.#options = options;
    this.#published = options.revision;
    this.#dispatched = options.revision;
  }

  /** The newest revision that has been published. */
  get revision(): Revision {
    return this.#published;
  }

  get watchers(): number {
    return this.#live.size + this.#replaying.size;
  }

  /** See `Store.watch`. */
  watch(prefix: Key, after: Revision): Observable<readonly StoreEvent[]> {
    return new Observable((subscriber) => {
      if (this.#closed) {
        subscriber.error(closedError());
        return;
      }
      checkPrefix(prefix);
      checkRevision('revision', after);
      const watcher: Watcher = { prefix, subscriber, cursor: after };
      subscriber.add(() => this.#remove(watcher));
      if (after >= this.#published) {
        this.#join(watcher);
      } else {
        this.#replaying.add(watcher);
        void this.#replay(watcher);
      }
    });
  }

  /** Makes commits visible to watchers: durable ones, each once, in order. */
  publish(commits: readonly Commit[]): void {
    const newest = commits.at(-1);
    if (!newest || this.#closed) return;
    this.#published = newest.revision;
    for (const commit of commits) this.#queue.push(commit);
    // A watcher that commits while it is called must not let others see the later commit first.
    if (this.#dispatching) return;
    this.#dispatching = true;
    // The loop also takes what is queued meanwhile.
    for (const commit of this.#queue) this.#dispatch(commit);
    this.#queue.length = 0;
    this.#dispatching = false;
    this.#emitProgress();
  }

  /** Ends all watches with `error`, because what they should be given next is lost, and goes on at `revision`, be it older or newer. */
  restart(revision: Revision, error: KeelsonError): void {
    if (this.#closed) return;
    this.#published = revision;
    this.#dispatched = revision;
    for (const watchers of [this.#live, this.#replaying]) {
      for (const { subscriber } of watchers) subscriber.error(error);
    }
    for (const reader of this.#progressReaders) reader.last = -1;
    this.#emitProgress();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const readers of [this.#live, this.#replaying, this.#progressReaders]) {
      for (const { subscriber } of readers) subscriber.complete();
    }
  }

  #dispatch({ revision, events }: Commit): void {
    const [first] = events;
    if (events.length === 1 && first) {
      this.#index.forEachMatch(keyOf(first), (watcher) => deliver(watcher, revision, events));
    } else {
      for (const [watcher, own] of this.#group(events)) deliver(watcher, revision, Object.freeze(own));
    }
    this.#dispatched = revision;
  }

  #group(events: readonly StoreEvent[]): Map<Watcher, StoreEvent[]> {
    const groups = new Map<Watcher, StoreEvent[]>();
    for (const event of events) {
      this.#index.forEachMatch(keyOf(event), (watcher) => {
        const own = groups.get(watcher);
        if (own) own.push(event);
        else groups.set(watcher, [event]);
      });
    }
    return groups;
  }

  async #replay(watcher: Watcher): Promise<void> {
    // Whoever subscribes gets the subscription back before the first event.
    await Promise.resolve();
    try {
      while (!watcher.subscriber.closed && watcher.cursor < this.#published) {
        await this.#replayPiece(watcher);
        this.#emitProgress();
        if (watcher.cursor < this.#published) await nextTurn();
      }
      if (!watcher.subscriber.closed) this.#join(watcher);
    } catch (error) {
      watcher.subscriber.error(error);
    }
  }

  async #replayPiece(watcher: Watcher): Promise<void> {
    const { history, maxWatchLag } = this.#options;
    const compacted = history.compacted();
    if (watcher.cursor < compacted) throw expired('watch', watcher.cursor, compacted);
    const lag = this.#published - watcher.cursor;
    if (lag > maxWatchLag) {
      const message = `Cannot watch from revision ${watcher.cursor}: it is ${lag} commits behind, at most ${maxWatchLag} are allowed`;
      throw new KeelsonError('Expired', message);
    }
    const { commits, through } = await history.read(watcher.prefix, watcher.cursor, this.#published);
    for (const commit of commits) deliver(watcher, commit.revision, commit.events);
    watcher.cursor = Math.max(watcher.cursor, through);
  }

  #join(watcher: Watcher): void {
    this.#replaying.delete(watcher);
    this.#live.add(watcher);
    this.#index.add(watcher.prefix, watcher);
    this.#emitProgress();
  }

  #remove(watcher: Watcher): void {
    if (this.#live.delete(watcher)) this.#index.delete(watcher.prefix, watcher);
    if (this.#replaying.delete(watcher)) this.#emitProgress();
  }

  #addProgressReader(subscriber: Subscriber<Revision>): void {
    if (this.#closed) {
      subscriber.error(closedError());
      return;
    }
    const reader: ProgressReader = { subscriber, last: -1 };
    this.#progressReaders.add(reader);
    subscriber.add(() => this.#progressReaders.delete(reader));
    this.#emitProgress();
  }

  #emitProgress(): void {
    if (this.#progressReaders.size === 0 || this.#closed) return;
    let revision = this.#dispatched;
    for (const { cursor } of this.#replaying) revision = Math.min(revision, cursor);
    for (const reader of this.#progressReaders) {
      if (revision <= reader.last) continue;
      reader.last = revision;
      reader.subscriber.next(revision);
    }
  }
}

/** The key that an event is about. */
export function keyOf(event: StoreEvent): Key {
  return event.type === 'put' ? event.entry.key : event.key;
}

function deliver(watcher: Watcher, revision: Revision, events: readonly StoreEvent[]): void {
  if (watcher.cursor >= revision) return;
  watcher.cursor = revision;
  watcher.subscriber.next(events);
}
