import type { Transaction } from 'lmdb';
import type { Entry, Key, RangeResult, Revision, StoreEvent } from '../store.ts';
import { compareKeys, expired } from './keys.ts';
import type { LmdbTables } from './lmdb-tables.ts';
import type { Place } from './page-counts.ts';
import { decodeChanges, decodeRecord, lowerBound, upperBound, type Change, type VersionKey } from './records.ts';
import type { Commit, HistoryPiece } from './watch-hub.ts';

/** How many entries are read before others get their turn. */
const ENTRIES_A_TURN = 2_000;
const BYTES_A_TURN = 8 * 1024 * 1024;
const COMMITS_A_PIECE = 256;
const BYTES_A_PIECE = 1024 * 1024;

export interface SnapshotRange extends Place {
  readonly limit?: number | undefined;
  /** How many entries there are from there on, if that is known: then what comes behind the limit is not looked at. */
  readonly count?: number | undefined;
}

/** The state of the file at one moment, until disposed. It keeps the file from reusing pages, so it must not be held for long. */
export class Snapshot implements Disposable {
  readonly #tables: LmdbTables;
  readonly #transaction: Transaction;
  readonly revision: Revision;
  readonly compacted: Revision;

  constructor(tables: LmdbTables) {
    this.#tables = tables;
    this.#transaction = tables.root.useReadTransaction();
    const options = { transaction: this.#transaction };
    this.revision = tables.meta.get('revision', options) ?? 1;
    this.compacted = tables.meta.get('compacted', options) ?? 0;
  }

  [Symbol.dispose](): void {
    this.#transaction.done();
  }

  /** The entry of `key` right after commit `at`. */
  get(key: Key, at: Revision): Entry | undefined {
    const entry = this.#replacedAfter(key, at) ?? this.#current(key);
    // A version that began later belongs to a later life of the key.
    return entry && entry.createRevision <= at ? entry : undefined;
  }

  /** Reads in pieces, calling `turn` between two of them. */
  async range(asked: SnapshotRange, turn: () => Promise<void>): Promise<RangeResult> {
    const { prefix, after, limit = Infinity, at, count } = asked;
    const entries: Entry[] = [];
    let bytes = 0;
    const wanted = at === this.revision ? this.#newest(prefix, after, limit) : this.#versionsAt(prefix, after, at);
    let remaining = 0;
    for (const entry of wanted) {
      if (entries.length >= limit) {
        if (count !== undefined) break;
        remaining += 1;
        continue;
      }
      entries.push(entry);
      bytes += entry.value.length;
      if (entries.length % ENTRIES_A_TURN !== 0 && bytes < BYTES_A_TURN) continue;
      bytes = 0;
      await turn();
    }
    const last = entries.at(-1)?.key ?? after;
    if (count !== undefined) remaining = count - entries.length;
    else if (at === this.revision && entries.length >= limit) remaining = this.#count(prefix, last);
    return { entries, revision: at, more: remaining > 0, remaining };
  }

  /** See `CommitHistory.read`. */
  readHistory(prefix: Key, after: Revision, upTo: Revision): HistoryPiece {
    if (after < this.compacted) throw expired('watch', after, this.compacted);
    const commits: Commit[] = [];
    let count = 0;
    let bytes = 0;
    const records = this.#tables.log.getRange({ start: after + 1, end: upTo + 1, transaction: this.#transaction });
    for (const { key: revision, value } of records) {
      const events: StoreEvent[] = [];
      for (const change of decodeChanges(value)) {
        if (!change.key.startsWith(prefix)) continue;
        const event = this.#event(change, revision);
        bytes += event.type === 'put' ? event.entry.value.length : 0;
        events.push(event);
      }
      if (events.length > 0) commits.push({ revision, events: Object.freeze(events) });
      if (++count >= COMMITS_A_PIECE || bytes >= BYTES_A_PIECE) return { commits, through: revision };
    }
    return { commits, through: upTo };
  }

  #event({ key, type, replaced }: Change, revision: Revision): StoreEvent {
    const record = replaced ? this.#tables.history.get([key, revision], { transaction: this.#transaction }) : undefined;
    const previous = record && decodeRecord(key, record);
    if (type === 'delete') return { type, key, revision, previous: previous ?? missing(key, revision) };
    const entry = this.get(key, revision) ?? missing(key, revision);
    return previous ? { type, entry, previous } : { type, entry };
  }

  #current(key: Key): Entry | undefined {
    const record = this.#tables.current.get(key, { transaction: this.#transaction });
    return record && decodeRecord(key, record);
  }

  /** The oldest version of `key` that was replaced after `revision`: it is what there was at `revision`. */
  #replacedAfter(key: Key, revision: Revision): Entry | undefined {
    const start: VersionKey = [key, revision + 1];
    const end: VersionKey = [key, Infinity];
    for (const { value } of this.#tables.history.getRange({ start, end, limit: 1, transaction: this.#transaction })) {
      return decodeRecord(key, value);
    }
    return undefined;
  }

  *#newest(prefix: Key, after: Key | undefined, limit: number): Generator<Entry, void, undefined> {
    const bounds = { start: lowerBound(prefix, after), end: upperBound(prefix), ...(limit === Infinity ? {} : { limit }) };
    if (limit === 0) return;
    for (const { key, value } of this.#tables.current.getRange({ ...bounds, transaction: this.#transaction })) {
      yield decodeRecord(key, value);
    }
  }

  #count(prefix: Key, after: Key | undefined): number {
    const bounds = { start: lowerBound(prefix, after), end: upperBound(prefix) };
    return this.#tables.current.getKeysCount({ ...bounds, transaction: this.#transaction });
  }

  /**
   * Merges two lists that are both in the order of keys: of each key the first version that was replaced after `at`, and the newest
   * versions, which count where there is no such.
   */
  *#versionsAt(prefix: Key, after: Key | undefined, at: Revision): Generator<Entry, void, undefined> {
    // Closed however this ends: the transaction lasts as long as any of its cursors.
    using replaced = this.#firstReplacedAfter(prefix, after, at);
    using newest = this.#newest(prefix, after, Infinity);
    let version = replaced.next().value;
    let entry = newest.next().value;
    while (version || entry) {
      const order = compareNext(version?.[0], entry?.key);
      const found = order <= 0 ? version && this.#replaced(version) : entry;
      if (found && found.createRevision <= at) yield found;
      if (order <= 0) version = replaced.next().value;
      if (order >= 0) entry = newest.next().value;
    }
  }

  *#firstReplacedAfter(prefix: Key, after: Key | undefined, at: Revision): Generator<VersionKey, void, undefined> {
    const bounds = { start: lowerBound(prefix, after), end: upperBound(prefix) };
    let last: Key | undefined;
    for (const version of this.#tables.history.getKeys({ ...bounds, transaction: this.#transaction })) {
      const [key, revision] = version;
      if (revision <= at || key === last) continue;
      last = key;
      yield version;
    }
  }

  #replaced(version: VersionKey): Entry {
    const record = this.#tables.history.get(version, { transaction: this.#transaction });
    return record ? decodeRecord(version[0], record) : missing(...version);
  }
}

function compareNext(a: Key | undefined, b: Key | undefined): number {
  if (a === undefined) return 1;
  return b === undefined ? -1 : compareKeys(a, b);
}

function missing(key: Key, revision: Revision): never {
  throw new Error(`Broken invariant: the file has no version of "${key}" for revision ${revision}`);
}
