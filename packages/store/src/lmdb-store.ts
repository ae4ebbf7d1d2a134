import { assert, errorMessage, isReason, KeelsonError, type Clock, type Logger } from '@keelson/base';
import type { Observable } from 'rxjs';
import { STEP, type Batch } from './internal/batch.ts';
import { Counters } from './internal/counters.ts';
import { ExpiryTimer } from './internal/expiry-timer.ts';
import { GroupCommit } from './internal/group-commit.ts';
import { HistoryKeeper } from './internal/history-keeper.ts';
import { checkCommit, checkKey, checkRangeOptions, checkReadable, checkRevision, closedError } from './internal/keys.ts';
import { historyBytes, openTables, type LmdbTables } from './internal/lmdb-tables.ts';
import { decodeRecord } from './internal/records.ts';
import { Snapshot } from './internal/snapshot.ts';
import { DirectoryLock } from './directory-lock.ts';
import { nextTurn } from './internal/turn.ts';
import { WatchHub } from './internal/watch-hub.ts';
import { withDefaults, type StoreOptions } from './options.ts';
import type { StoreStats } from './stats.ts';
import type { Entry, Guard, Key, RangeOptions, RangeResult, Revision, Store, StoreEvent, Write } from './store.ts';

export interface LmdbStoreOptions extends StoreOptions {
  /** A directory; it is made if it is not there. One process at a time can have it open. */
  readonly path: string;
  /**
   * `commit` (default): a commit has reached the disk when it resolves. `none`: it survives the end of the process, but the newest
   * commits, or the whole file, may be lost when the machine stops; for tests.
   */
  readonly durability?: 'commit' | 'none';
  /** How large history may get, in bytes on disk, before its oldest part is forgotten early. 1 GiB if absent. */
  readonly maxHistoryBytes?: number;
  /** How much address space the file takes at first; it may outgrow it. 64 GiB if absent. */
  readonly mapBytes?: number;
}

interface Parts {
  readonly tables: LmdbTables;
  readonly lock: DirectoryLock;
  readonly options: LmdbStoreOptions;
}

const DEFAULT_MAX_HISTORY_BYTES = 1024 ** 3;

/** The embedded store for one machine: an LMDB file in a directory. */
export class LmdbStore implements Store {
  readonly #tables: LmdbTables;
  readonly #lock: DirectoryLock;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #maxValueBytes: number;
  readonly #maxHistoryBytes: number;
  readonly #durable: boolean;
  readonly #counters = new Counters();
  readonly #hub: WatchHub;
  readonly #writer: GroupCommit;
  readonly #timer: ExpiryTimer;
  readonly #keeper: HistoryKeeper;
  #compacted: Revision;
  #compacting: Promise<void> = Promise.resolve();
  #expiring: Promise<void> | undefined;
  #snapshots = 0;
  #closed: Promise<void> | undefined;

  readonly progress$: Observable<Revision>;

  /** `ServiceUnavailable` if the directory cannot be used, another process has it open, or what is in it cannot be read. */
  static async open(options: LmdbStoreOptions): Promise<LmdbStore> {
    let lock: DirectoryLock | undefined;
    try {
      lock = await DirectoryLock.take(options.path);
      const tables = openTables(options.path, { durable: options.durability !== 'none', mapBytes: options.mapBytes });
      return new LmdbStore({ tables, lock, options });
    } catch (error) {
      await lock?.[Symbol.asyncDispose]();
      if (isReason(error, 'ServiceUnavailable') && !lock) throw error;
      const message = `Cannot open the store in "${options.path}": ${errorMessage(error)}`;
      throw new KeelsonError('ServiceUnavailable', message, { cause: error });
    }
  }

  private constructor({ tables, lock, options }: Parts) {
    const { clock, logger, maxValueBytes, maxWatchLag, historyMs } = withDefaults(options);
    this.#tables = tables;
    this.#lock = lock;
    this.#clock = clock;
    this.#logger = logger;
    this.#maxValueBytes = maxValueBytes;
    this.#maxHistoryBytes = options.maxHistoryBytes ?? DEFAULT_MAX_HISTORY_BYTES;
    this.#durable = options.durability !== 'none';
    this.#compacted = tables.meta.get('compacted') ?? 0;
    const compacted = (): Revision => this.#compacted;
    const read = this.#readHistory.bind(this);
    this.#hub = new WatchHub({ history: { compacted, read }, revision: tables.meta.get('revision') ?? 1, maxWatchLag });
    this.progress$ = this.#hub.progress$;
    const onFlushed = (batch: Batch): void => this.#account(batch);
    this.#writer = new GroupCommit({ tables, hub: this.#hub, clock, directory: options.path, onFlushed });
    this.#timer = new ExpiryTimer(clock, () => (this.#expiring ??= this.#expire()));
    const revision = (): Revision => this.#hub.revision;
    const compact = (upTo: Revision): Promise<void> => this.compact(upTo);
    const overflow = (): Revision | undefined => this.#overflow();
    this.#keeper = new HistoryKeeper({ clock, logger, historyMs, revision, compact, overflow });
    for (const [second] of tables.expiry.getKeys({ limit: 1 })) this.#timer.arm(second);
  }

  async revision(): Promise<Revision> {
    this.#checkOpen();
    return this.#hub.revision;
  }

  async get(key: Key, at?: Revision): Promise<Entry | undefined> {
    this.#checkOpen();
    checkKey(key);
    if (at !== undefined) return this.#getAt(key, at);
    const record = this.#tables.current.get(key);
    const entry = record && decodeRecord(key, record);
    // That a key is not there may be news as well.
    await this.#reach(entry ? entry.revision : (this.#tables.meta.get('revision') ?? 1));
    return entry;
  }

  async range(prefix: Key, options: RangeOptions = {}): Promise<RangeResult> {
    this.#checkOpen();
    checkRangeOptions(prefix, options);
    return this.#reading(async (snapshot) => {
      const { after, limit, at = snapshot.revision } = options;
      checkReadable(at, snapshot.compacted, snapshot.revision);
      const result = await snapshot.range({ prefix, after, limit, at }, () => this.#turn());
      await this.#reach(at);
      return result;
    });
  }

  async commit(writes: readonly Write[], guards: readonly Guard[] = []): Promise<Revision> {
    this.#checkOpen();
    checkCommit(writes, guards, this.#maxValueBytes);
    const startMs = this.#clock.monotonic();
    let bytes = 0;
    for (const write of writes) bytes += write.type === 'put' ? write.value.length : 0;
    try {
      return await this.#writer.submit((batch) => batch.commit(writes, guards), bytes);
    } catch (error) {
      if (isReason(error, 'Conflict')) this.#counters.conflicts += 1;
      throw error;
    } finally {
      this.#counters.addLatency(this.#clock.monotonic() - startMs);
    }
  }

  watch(prefix: Key, after: Revision): Observable<readonly StoreEvent[]> {
    return this.#hub.watch(prefix, after);
  }

  async compact(upTo: Revision): Promise<void> {
    this.#checkOpen();
    checkRevision('revision', upTo);
    checkReadable(Math.max(upTo, this.#compacted), this.#compacted, this.#hub.revision);
    const done = this.#compacting.then(() => this.#forget(upTo));
    // One failed compaction is its caller's matter: the next one begins anew.
    this.#compacting = done.catch(() => undefined);
    return done;
  }

  /** Figures for metrics. */
  stats(): StoreStats {
    const { commits, conflicts, batches, syncs, bytesWritten } = this.#counters;
    const { revision, watchers } = this.#hub;
    const commitLatency = this.#counters.latency();
    return { revision, compacted: this.#compacted, commits, conflicts, batches, syncs, bytesWritten, watchers, commitLatency };
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#timer.disarm();
    await Promise.all([this.#writer.close(), this.#keeper.stop()]);
    await Promise.all([this.#compacting, this.#expiring]);
    this.#hub.close();
    while (this.#snapshots > 0) await nextTurn();
    await this.#tables.root.close();
    await this.#lock[Symbol.asyncDispose]();
  }

  #checkOpen(): void {
    if (this.#closed) throw closedError();
  }

  async #turn(): Promise<void> {
    await nextTurn();
    this.#checkOpen();
  }

  async #reading<T>(read: (snapshot: Snapshot) => T | Promise<T>): Promise<T> {
    this.#snapshots += 1;
    try {
      using snapshot = new Snapshot(this.#tables);
      return await read(snapshot);
    } finally {
      this.#snapshots -= 1;
    }
  }

  #getAt(key: Key, at: Revision): Promise<Entry | undefined> {
    checkRevision('revision', at);
    return this.#reading(async (snapshot) => {
      checkReadable(at, snapshot.compacted, snapshot.revision);
      const entry = snapshot.get(key, at);
      await this.#reach(at);
      return entry;
    });
  }

  /** A snapshot may hold commits that are durable but not published yet: nobody may see a revision before `revision()` shows it. */
  async #reach(revision: Revision): Promise<void> {
    if (revision <= this.#hub.revision) return;
    await this.#writer.batchSettled();
    this.#checkOpen();
    assert(revision <= this.#hub.revision, `revision ${revision} was read and so is published`);
  }

  #readHistory(prefix: Key, after: Revision, upTo: Revision): ReturnType<Snapshot['readHistory']> {
    this.#checkOpen();
    using snapshot = new Snapshot(this.#tables);
    return snapshot.readHistory(prefix, after, upTo);
  }

  #account(batch: Batch): void {
    this.#counters.batches += 1;
    if (this.#durable) this.#counters.syncs += 1;
    this.#counters.commits += batch.commits.length;
    this.#counters.bytesWritten += batch.bytes;
    this.#timer.arm(batch.firstExpiry);
  }

  async #expire(): Promise<void> {
    try {
      const next = await this.#writer.submit((batch: Batch) => batch.expire());
      this.#timer.arm(next);
    } catch (error) {
      if (this.#closed) return;
      this.#logger.warn('keys were not expired, will try again', { error: errorMessage(error) });
      this.#timer.arm(this.#clock.now() / 1000 + 1);
    } finally {
      this.#expiring = undefined;
    }
  }

  async #forget(upTo: Revision): Promise<void> {
    if (upTo <= this.#compacted) return;
    for (;;) {
      const batch = await this.#writer.submit((running) => {
        running.compact(upTo);
        return running;
      });
      this.#compacted = upTo;
      if (batch.forgotten < STEP) return;
    }
  }

  #overflow(): Revision | undefined {
    const bytes = historyBytes(this.#tables);
    if (bytes <= this.#maxHistoryBytes) return undefined;
    const kept = this.#hub.revision - this.#compacted;
    return this.#hub.revision - Math.floor((kept * this.#maxHistoryBytes) / bytes);
  }
}
