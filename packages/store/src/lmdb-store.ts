import { assert, errorMessage, isReason, KeelsonError, type Clock, type Logger } from '@keelson/base';
import type { Observable } from 'rxjs';
import type { Batch } from './internal/batch.ts';
import { Counters } from './internal/counters.ts';
import { ExpiryTimer } from './internal/expiry-timer.ts';
import { GroupCommit } from './internal/group-commit.ts';
import { HistoryKeeper } from './internal/history-keeper.ts';
import { checkCommit, checkKey, checkRangeOptions, checkReadable, checkRevision, closedError } from './internal/keys.ts';
import { IntervalSync } from './internal/interval-sync.ts';
import { currentBytes, fileBytes, historyBytes, openTables, syncToDisk, type LmdbTables } from './internal/lmdb-tables.ts';
import { PageCounts, type Place } from './internal/page-counts.ts';
import { decodeRecord } from './internal/records.ts';
import { Snapshot } from './internal/snapshot.ts';
import { DirectoryLock } from './directory-lock.ts';
import { nextTurn } from './internal/turn.ts';
import { WatchHub } from './internal/watch-hub.ts';
import { withDefaults, type StoreOptions } from './options.ts';
import { copyTables, saveTables, type SnapshotStatus } from './snapshot-file.ts';
import type { StoreStats } from './stats.ts';
import type { Entry, Guard, Key, RangeOptions, RangeResult, Revision, Store, StoreEvent, Write } from './store.ts';

export interface LmdbStoreOptions extends StoreOptions {
  /** A directory; it is made if it is not there. One process at a time can have it open. */
  readonly path: string;
  /**
   * What a commit has survived when it resolves. With each of them, the end of the process at any time.
   * - `commit` (default): the end of the machine too; it has reached the disk.
   * - `interval`: the disk is waited for every `syncIntervalMs` instead. When the machine stops, what came since is lost, and the file
   *   may be damaged, since nothing orders what the disk does in between; then it is to be restored from a snapshot.
   * - `none`: the disk is never waited for: when the machine stops, everything may be lost. For tests.
   */
  readonly durability?: Durability;
  /** With `durability: 'interval'`. 100 if absent. */
  readonly syncIntervalMs?: number;
  /**
   * How large history may get, in bytes on disk, before its oldest part is forgotten early. If absent: four times what the current values
   * take, but at least 2 MiB and at most 1 GiB. So a few keys that are written all the time do not make the file many times as large.
   */
  readonly maxHistoryBytes?: number;
  /** How much address space the file takes at first; it may outgrow it. 64 GiB if absent. */
  readonly mapBytes?: number;
}

export type Durability = 'commit' | 'interval' | 'none';

interface Parts {
  readonly tables: LmdbTables;
  readonly lock: DirectoryLock;
  readonly options: LmdbStoreOptions;
}

const DEFAULT_SYNC_INTERVAL_MS = 100;
const LEAST_HISTORY_BYTES = 2 * 1024 ** 2;
const MOST_HISTORY_BYTES = 1024 ** 3;
const HISTORY_SHARE = 4;

/** The embedded store for one machine: an LMDB file in a directory. */
export class LmdbStore implements Store {
  readonly #tables: LmdbTables;
  readonly #lock: DirectoryLock;
  readonly #options: LmdbStoreOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #maxValueBytes: number;
  readonly #maxHistoryBytes: number | undefined;
  readonly #durable: boolean;
  readonly #counters = new Counters();
  readonly #pageCounts = new PageCounts();
  readonly #hub: WatchHub;
  readonly #writer: GroupCommit;
  readonly #timer: ExpiryTimer;
  readonly #keeper: HistoryKeeper;
  readonly #intervalSync: IntervalSync | undefined;
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
      const tables = openTables(options.path, { durable: isDurable(options), mapBytes: options.mapBytes });
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
    this.#options = options;
    this.#clock = clock;
    this.#logger = logger;
    this.#maxValueBytes = maxValueBytes;
    this.#maxHistoryBytes = options.maxHistoryBytes;
    this.#durable = isDurable(options);
    this.#intervalSync = this.#syncAtIntervals(options);
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
      const place = { prefix, after, at };
      const count = limit === undefined ? undefined : this.#pageCounts.behind(place);
      const result = await snapshot.range({ ...place, limit, count }, () => this.#turn());
      await this.#reach(at);
      if (result.more) this.#notePage(place, result);
      return result;
    });
  }

  #notePage(place: Place, { entries, remaining }: RangeResult): void {
    this.#pageCounts.note(place, entries.length + remaining);
    const last = entries.at(-1);
    if (last) this.#pageCounts.note({ ...place, after: last.key }, remaining);
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

  /** Figures for metrics. Those of the file are 0 once the store is closed. */
  stats(): StoreStats {
    const { commits, conflicts, batches, syncs, bytesWritten } = this.#counters;
    const { revision, watchers } = this.#hub;
    return {
      revision,
      compacted: this.#compacted,
      commits,
      conflicts,
      batches,
      syncs,
      bytesWritten,
      watchers,
      fileBytes: this.#closed ? 0 : fileBytes(this.#tables),
      historyBytes: this.#closed ? 0 : historyBytes(this.#tables),
      commitLatency: this.#counters.latency(),
    };
  }

  /**
   * Writes the state of this moment into one file, which must not exist, while the store goes on; gives what is in it. `AlreadyExists`,
   * and `ServiceUnavailable` if it cannot be written: then there is no file.
   */
  async snapshot(file: string): Promise<SnapshotStatus> {
    this.#checkOpen();
    return this.#copying(() => saveTables(this.#tables, file));
  }

  /** A store of its own in the directory `path`, with what this one has at this moment: current values, history and times to live. */
  async fork(path: string, options: Partial<Omit<LmdbStoreOptions, 'path'>> = {}): Promise<LmdbStore> {
    this.#checkOpen();
    await this.#copying(() => copyTables(this.#tables, path));
    return LmdbStore.open({ ...this.#options, ...options, path });
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
    await this.#intervalSync?.stop();
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

  /** As `#reading`, for what reads the file by itself. */
  async #copying<T>(copy: () => Promise<T>): Promise<T> {
    this.#snapshots += 1;
    try {
      return await copy();
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

  #syncAtIntervals({ durability, syncIntervalMs = DEFAULT_SYNC_INTERVAL_MS }: LmdbStoreOptions): IntervalSync | undefined {
    if (durability !== 'interval') return undefined;
    const sync = async (): Promise<void> => {
      await syncToDisk(this.#tables);
      this.#counters.syncs += 1;
    };
    return new IntervalSync({ clock: this.#clock, logger: this.#logger, everyMs: syncIntervalMs, sync });
  }

  #account(batch: Batch): void {
    this.#counters.batches += 1;
    if (this.#durable) this.#counters.syncs += 1;
    this.#intervalSync?.written();
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
      if (batch.compacted) return;
    }
  }

  #overflow(): Revision | undefined {
    const bytes = historyBytes(this.#tables);
    const share = HISTORY_SHARE * currentBytes(this.#tables);
    const mostBytes = this.#maxHistoryBytes ?? Math.min(MOST_HISTORY_BYTES, Math.max(LEAST_HISTORY_BYTES, share));
    if (bytes <= mostBytes) return undefined;
    const kept = this.#hub.revision - this.#compacted;
    return this.#hub.revision - Math.floor((kept * mostBytes) / bytes);
  }
}

/** Whether each commit waits for the disk. */
function isDurable({ durability = 'commit' }: LmdbStoreOptions): boolean {
  return durability === 'commit';
}
