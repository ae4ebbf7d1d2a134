import type { Clock } from '@keelson/base';
import type { Observable } from 'rxjs';
import { Counters } from './internal/counters.ts';
import { expirySecond, ExpiryTimer } from './internal/expiry-timer.ts';
import { HistoryKeeper } from './internal/history-keeper.ts';
import {
  checkCommit,
  checkKey,
  checkRangeOptions,
  checkReadable,
  checkRevision,
  closedError,
  conflict,
} from './internal/keys.ts';
import { MemoryContents } from './internal/memory-contents.ts';
import { keyOf, WatchHub, type Commit } from './internal/watch-hub.ts';
import { withDefaults, type StoreOptions } from './options.ts';
import type { StoreStats } from './stats.ts';
import type { Entry, Guard, Key, RangeOptions, RangeResult, Revision, Store, StoreEvent, Write } from './store.ts';

const REPLAY_PIECE = 512;

/** A store that lives as long as its process: for tests, and for control planes that nobody needs afterwards. */
export class MemoryStore implements Store {
  readonly #clock: Clock;
  readonly #maxValueBytes: number;
  readonly #options: StoreOptions;
  readonly #contents: MemoryContents;
  readonly #counters = new Counters();
  readonly #timer: ExpiryTimer;
  readonly #keeper: HistoryKeeper;
  readonly #hub: WatchHub;
  #closed = false;

  readonly progress$: Observable<Revision>;

  /** @param contents What it begins with, and owns from then on: see `fork`. */
  constructor(options: StoreOptions = {}, contents = new MemoryContents()) {
    const { clock, logger, maxValueBytes, maxWatchLag, historyMs } = withDefaults(options);
    this.#options = options;
    this.#contents = contents;
    this.#clock = clock;
    this.#maxValueBytes = maxValueBytes;
    this.#timer = new ExpiryTimer(clock, () => this.#expire());
    for (const second of this.#contents.expiring.keys()) this.#timer.arm(second);
    const compacted = (): Revision => this.#contents.compacted;
    const history = { compacted, read: (prefix: Key, after: Revision) => this.#readCommits(prefix, after) };
    this.#hub = new WatchHub({ history, revision: this.#contents.revision, maxWatchLag });
    this.progress$ = this.#hub.progress$;
    const revision = (): Revision => this.#contents.revision;
    this.#keeper = new HistoryKeeper({ clock, logger, historyMs, revision, compact: (upTo) => this.compact(upTo) });
  }

  async revision(): Promise<Revision> {
    this.#checkOpen();
    return this.#contents.revision;
  }

  async get(key: Key, at: Revision = this.#contents.revision): Promise<Entry | undefined> {
    this.#checkOpen();
    checkKey(key);
    checkRevision('revision', at);
    checkReadable(at, this.#contents.compacted, this.#contents.revision);
    return this.#contents.timeline.at(key, at);
  }

  async range(prefix: Key, options: RangeOptions = {}): Promise<RangeResult> {
    this.#checkOpen();
    checkRangeOptions(prefix, options);
    const { after, limit = Infinity, at = this.#contents.revision } = options;
    checkReadable(at, this.#contents.compacted, this.#contents.revision);
    const entries: Entry[] = [];
    let remaining = 0;
    for (const entry of this.#contents.timeline.range(prefix, after, at)) {
      if (entries.length < limit) entries.push(entry);
      else remaining += 1;
    }
    return { entries, revision: at, more: remaining > 0, remaining };
  }

  async commit(writes: readonly Write[], guards: readonly Guard[] = []): Promise<Revision> {
    this.#checkOpen();
    checkCommit(writes, guards, this.#maxValueBytes);
    const startMs = this.#clock.monotonic();
    for (const guard of guards) {
      const actual = this.#contents.timeline.newest(guard.key)?.revision ?? 0;
      if (actual === guard.revision) continue;
      this.#counters.conflicts += 1;
      throw conflict(guard, actual);
    }
    const revision = this.#apply(writes);
    this.#counters.addLatency(this.#clock.monotonic() - startMs);
    return revision;
  }

  watch(prefix: Key, after: Revision): Observable<readonly StoreEvent[]> {
    return this.#hub.watch(prefix, after);
  }

  async compact(upTo: Revision): Promise<void> {
    this.#checkOpen();
    checkRevision('revision', upTo);
    checkReadable(Math.max(upTo, this.#contents.compacted), this.#contents.compacted, this.#contents.revision);
    if (upTo <= this.#contents.compacted) return;
    const first = this.#contents.commits[0]?.revision ?? upTo + 1;
    this.#contents.compacted = upTo;
    for (const commit of this.#contents.commits.splice(0, upTo + 1 - first)) this.#contents.timeline.forgetBefore(commit);
  }

  /** Figures for metrics. */
  stats(): StoreStats {
    const { commits, conflicts, batches, syncs, bytesWritten } = this.#counters;
    const commitLatency = this.#counters.latency();
    const { watchers } = this.#hub;
    return {
      revision: this.#contents.revision,
      compacted: this.#contents.compacted,
      commits,
      conflicts,
      batches,
      syncs,
      bytesWritten,
      watchers,
      fileBytes: 0,
      historyBytes: bytesReplaced(this.#contents.commits),
      commitLatency,
    };
  }

  /** A store of its own with what this one has at this moment; costs time for each key, not for each byte. */
  fork(options: StoreOptions = {}): MemoryStore {
    this.#checkOpen();
    return new MemoryStore({ ...this.#options, ...options }, this.#contents.fork());
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer.disarm();
    await this.#keeper.stop();
    this.#hub.close();
  }

  #checkOpen(): void {
    if (this.#closed) throw closedError();
  }

  #apply(writes: readonly Write[]): Revision {
    const revision = this.#contents.revision + 1;
    const events: StoreEvent[] = [];
    for (const write of writes) {
      const event = eventOf(write, revision, this.#contents.timeline.newest(write.key));
      if (event) events.push(event);
    }
    if (events.length === 0) return this.#contents.revision;
    this.#contents.revision = revision;
    for (const event of events) this.#contents.timeline.add(event);
    for (const write of writes) this.#account(write, revision);
    const commit: Commit = { revision, events: Object.freeze(events) };
    this.#contents.commits.push(commit);
    this.#counters.commits += 1;
    this.#counters.batches += 1;
    this.#hub.publish([commit]);
    return revision;
  }

  #account(write: Write, revision: Revision): void {
    this.#counters.bytesWritten += write.key.length + (write.type === 'put' ? write.value.length : 0);
    if (write.type === 'delete' || write.ttlSeconds === undefined) return;
    const second = expirySecond(this.#clock.now(), write.ttlSeconds);
    let keys = this.#contents.expiring.get(second);
    if (!keys) this.#contents.expiring.set(second, (keys = new Map()));
    keys.set(write.key, revision);
    this.#timer.arm(second);
  }

  #expire(): void {
    const nowMs = this.#clock.now();
    const writes: Write[] = [];
    let next = Infinity;
    for (const [second, keys] of this.#contents.expiring) {
      if (second * 1000 > nowMs) {
        next = Math.min(next, second);
        continue;
      }
      this.#contents.expiring.delete(second);
      for (const [key, revision] of keys) {
        if (this.#contents.timeline.newest(key)?.revision === revision) writes.push({ type: 'delete', key });
      }
    }
    if (next !== Infinity) this.#timer.arm(next);
    this.#apply(writes);
  }

  #readCommits(prefix: Key, after: Revision): { commits: readonly Commit[]; through: Revision } {
    const commits: Commit[] = [];
    // There is one commit for each revision, so a revision gives the place.
    const first = this.#contents.commits[0]?.revision ?? this.#contents.revision + 1;
    const start = Math.max(0, after + 1 - first);
    const piece = this.#contents.commits.slice(start, start + REPLAY_PIECE);
    for (const commit of piece) {
      const events = commit.events.filter((event) => keyOf(event).startsWith(prefix));
      if (events.length > 0) commits.push({ revision: commit.revision, events: Object.freeze(events) });
    }
    return { commits, through: piece.at(-1)?.revision ?? this.#contents.revision };
  }
}

function eventOf(write: Write, revision: Revision, previous: Entry | undefined): StoreEvent | undefined {
  if (write.type === 'delete') return previous && { type: 'delete', key: write.key, revision, previous };
  const entry = { key: write.key, value: write.value, revision, createRevision: previous?.createRevision ?? revision };
  return previous ? { type: 'put', entry, previous } : { type: 'put', entry };
}

function bytesReplaced(commits: readonly Commit[]): number {
  let bytes = 0;
  for (const { events } of commits) for (const { previous } of events) bytes += previous?.value.length ?? 0;
  return bytes;
}
