// Hot path: each commit is evaluated and written here, on the main thread, inside the database's transaction.
import type { Entry, Guard, Key, Revision, StoreEvent, Write } from '../store.ts';
import { expirySecond } from './expiry-timer.ts';
import { conflict } from './keys.ts';
import type { LmdbTables } from './lmdb-tables.ts';
import { decodeChanges, decodeRecord, encodeChanges, encodeRecord } from './records.ts';
import { keyOf, type Commit } from './watch-hub.ts';

/**
 * How many commits one step of compaction forgets, unless more are made at the same time, and how many keys one step of expiry deletes.
 */
export const STEP = 256;

/**
 * Commits that go to disk together. They are first evaluated one after the other, each seeing those before it, without writing; then
 * `flush` writes everything. So a commit that is refused leaves nothing behind.
 */
export class Batch {
  readonly #tables: LmdbTables;
  readonly #nowMs: number;
  /** The newest entries of the keys that were looked at, as of the last commit of this batch. */
  readonly #entries = new Map<Key, Entry | undefined>();
  readonly #changed = new Set<Key>();
  readonly #expiring: { readonly second: number; readonly key: Key; readonly revision: Revision }[] = [];
  readonly #expired: [second: number, key: Key][] = [];
  readonly #before: Revision;
  #compactUpTo: Revision | undefined;
  readonly commits: Commit[] = [];
  revision: Revision;
  bytes = 0;
  /** The second at which the first of the keys expires that this batch gave a time to live. */
  firstExpiry = Infinity;
  /** Whether compaction has nothing left to forget after this batch. */
  compacted = false;

  constructor(tables: LmdbTables, revision: Revision, nowMs: number) {
    this.#tables = tables;
    this.#nowMs = nowMs;
    this.#before = revision;
    this.revision = revision;
  }

  commit(writes: readonly Write[], guards: readonly Guard[]): Revision {
    for (const guard of guards) {
      const actual = this.#newest(guard.key)?.revision ?? 0;
      if (actual !== guard.revision) throw conflict(guard, actual);
    }
    const revision = this.revision + 1;
    const events: StoreEvent[] = [];
    for (const write of writes) this.#add(write, revision, events);
    if (events.length === 0) return this.revision;
    this.revision = revision;
    this.commits.push({ revision, events: Object.freeze(events) });
    return revision;
  }

  /** Deletes keys whose time has come, at most `STEP` of them; gives the second at which to look again. */
  expire(): number {
    const writes: Write[] = [];
    let next = Infinity;
    for (const { key: row, value: revision } of this.#tables.expiry.getRange({ limit: STEP + 1 })) {
      const [second, key] = row;
      if (second * 1000 > this.#nowMs || this.#expired.length === STEP) {
        next = second;
        break;
      }
      this.#expired.push(row);
      if (this.#newest(key)?.revision === revision) writes.push({ type: 'delete', key });
    }
    this.commit(writes, []);
    return next;
  }

  /** Forgets what some of the commits up to `upTo` replaced, when the batch is flushed: more than the batch adds, so that it catches up. */
  compact(upTo: Revision): void {
    this.#compactUpTo = Math.max(upTo, this.#compactUpTo ?? 0);
  }

  /** Writes all that was evaluated. */
  flush(): void {
    for (const commit of this.commits) this.#writeHistory(commit);
    for (const key of this.#changed) this.#writeCurrent(key);
    for (const { second, key, revision } of this.#expiring) this.#tables.expiry.putSync([second, key], revision);
    for (const row of this.#expired) this.#tables.expiry.removeSync(row);
    if (this.revision !== this.#before) this.#tables.meta.putSync('revision', this.revision);
    if (this.#compactUpTo !== undefined) this.#forget(this.#compactUpTo);
  }

  #newest(key: Key): Entry | undefined {
    const known = this.#entries.get(key);
    if (known || this.#entries.has(key)) return known;
    const record = this.#tables.current.get(key);
    const entry = record && decodeRecord(key, record);
    this.#entries.set(key, entry);
    return entry;
  }

  #add(write: Write, revision: Revision, events: StoreEvent[]): void {
    const { key } = write;
    const previous = this.#newest(key);
    if (write.type === 'delete') {
      if (!previous) return;
      events.push({ type: 'delete', key, revision, previous });
      this.#entries.set(key, undefined);
    } else {
      const entry = { key, value: write.value, revision, createRevision: previous?.createRevision ?? revision };
      events.push(previous ? { type: 'put', entry, previous } : { type: 'put', entry });
      this.#entries.set(key, entry);
      this.bytes += write.value.length;
      if (write.ttlSeconds !== undefined) this.#expireAfter(write.ttlSeconds, entry);
    }
    this.bytes += key.length;
    this.#changed.add(key);
  }

  #expireAfter(ttlSeconds: number, { key, revision }: Entry): void {
    const second = expirySecond(this.#nowMs, ttlSeconds);
    this.#expiring.push({ second, key, revision });
    this.firstExpiry = Math.min(this.firstExpiry, second);
  }

  #writeHistory({ revision, events }: Commit): void {
    for (const event of events) {
      if (event.previous) this.#tables.history.putSync([keyOf(event), revision], encodeRecord(event.previous));
    }
    const changes = events.map((event) => ({ key: keyOf(event), type: event.type, replaced: event.previous !== undefined }));
    this.#tables.log.putSync(revision, encodeChanges(changes), { append: true });
  }

  #writeCurrent(key: Key): void {
    const entry = this.#entries.get(key);
    if (entry) this.#tables.current.putSync(key, encodeRecord(entry));
    else this.#tables.current.removeSync(key);
  }

  #forget(upTo: Revision): void {
    const { history, log, meta } = this.#tables;
    if (upTo > (meta.get('compacted') ?? 0)) meta.putSync('compacted', upTo);
    const limit = Math.max(STEP, 2 * this.commits.length);
    const records = [...log.getRange({ end: upTo + 1, limit })];
    for (const { key: revision, value } of records) {
      for (const { key, replaced } of decodeChanges(value)) {
        if (replaced) history.removeSync([key, revision]);
      }
      log.removeSync(revision);
    }
    this.compacted = records.length < limit;
  }
}
