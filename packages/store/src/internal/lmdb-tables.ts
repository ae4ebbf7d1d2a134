import { Buffer } from 'node:buffer';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { open, type Database, type RootDatabase } from 'lmdb';
import type { Key, Revision } from '../store.ts';
import { checkFile, cutBack, extend } from './file-check.ts';
import { formatOf, migrate } from './migrations.ts';
import {
  decodeChanges,
  decodeRecord,
  decodeKey,
  decodeVersionKey,
  encodeKey,
  encodeVersionKey,
  type VersionKey,
} from './records.ts';

/** The name of the file in its directory. */
export const STORE_FILE = 'store.mdb';

/** How much address space is reserved at once. The file is only as large as what is in it, and may outgrow this. */
const MAP_BYTES = 64 * 1024 ** 3;

/**
 * A value that is too long for a page gets pages of its own, side by side; to find free ones the database searches its whole list. With
 * pages of 8 KiB most objects need one, which costs nothing to find: an update of 5 KB takes 18 us of processor time, not 110.
 */
export const PAGE_BYTES = 8192;

/** The file of a store. */
export interface LmdbTables {
  readonly root: RootDatabase;
  /** Its path. */
  readonly file: string;
  /** The newest version of each key that exists. */
  readonly current: Database<Buffer, Key>;
  /** Versions that were replaced, by key and the revision that replaced them. */
  readonly history: Database<Buffer, VersionKey>;
  /** What each commit wrote, without values. */
  readonly log: Database<Buffer, Revision>;
  /** At which second which key expires, if its revision is still the one given as value. */
  readonly expiry: Database<Revision, [second: number, key: Key]>;
  /** `format`, `revision` and `compacted`. */
  readonly meta: Database<number, string>;
}

export interface OpenTablesOptions {
  readonly durable: boolean;
  readonly mapBytes?: number | undefined;
}

/** Throws if what is in `directory` cannot be read. */
export function openTables(directory: string, options: OpenTablesOptions): LmdbTables {
  const file = join(directory, STORE_FILE);
  const marker = join(directory, 'store.made');
  // Without this, a lost file would pass for a new store.
  if (existsSync(marker) && !hasBytes(file)) throw new Error(`"${file}" is missing or empty, but there was a store before`);
  const check = checkFile(file);
  if (check.state === 'short') extend(file, check.wantedBytes);
  const root = openRoot(file, options);
  try {
    const tables = openDatabases(root, file);
    if (check.state === 'short') readAll(tables);
    writeFileSync(marker, '');
    return tables;
  } catch (error) {
    void root.close();
    if (check.state === 'short') cutBack(file, check.sizeBytes);
    throw error;
  }
}

function openRoot(file: string, { durable, mapBytes = MAP_BYTES }: OpenTablesOptions): RootDatabase {
  return open({
    path: file,
    pageSize: PAGE_BYTES,
    encoding: 'binary',
    maxDbs: 8,
    // With overlapping syncs a commit would resolve before it is on disk.
    overlappingSync: false,
    // Else a failed commit also rejects a promise that nobody holds.
    eventTurnBatching: false,
    noSync: !durable,
    ...(process.platform === 'win32' ? {} : { mapSize: mapBytes }),
  });
}

function hasBytes(file: string): boolean {
  return existsSync(file) && statSync(file).size > 0;
}

/** Throws if a page or record is damaged. */
function readAll({ current, history, log }: LmdbTables): void {
  for (const { key, value } of current.getRange({ start: Buffer.of(1) })) decodeRecord(key, value);
  for (const { key, value } of history.getRange({ start: Buffer.of(1) })) decodeRecord(key[0], value);
  for (const { value } of log.getRange({})) decodeChanges(value);
}

const CURRENT = { name: 'current', encoding: 'binary', keyEncoder: { writeKey: encodeKey, readKey: decodeKey } } as const;
const HISTORY = {
  name: 'history',
  encoding: 'binary',
  keyEncoder: { writeKey: encodeVersionKey, readKey: decodeVersionKey },
} as const;

function openDatabases(root: RootDatabase, file: string): LmdbTables {
  const meta = root.openDB<number, string>({ name: 'meta', encoding: 'json' });
  const isNew = meta.get('format') === undefined;
  const tables: LmdbTables = {
    root,
    file,
    meta,
    current: root.openDB(CURRENT),
    history: root.openDB(HISTORY),
    log: root.openDB({ name: 'log', encoding: 'binary' }),
    expiry: root.openDB({ name: 'expiry', encoding: 'json' }),
  };
  if (isNew) {
    root.transactionSync(() => {
      meta.putSync('format', formatOf());
      meta.putSync('revision', 1);
      meta.putSync('compacted', 0);
    });
  } else migrate(tables);
  return tables;
}

/** How much of the file history takes. */
export function historyBytes({ history, log }: LmdbTables): number {
  return tableBytes(history) + tableBytes(log);
}

/** How much of the file the newest values take. */
export function currentBytes({ current }: LmdbTables): number {
  return tableBytes(current);
}

function tableBytes(table: Pick<RootDatabase, 'getStats'>): number {
  // The database's own type says `{}`.
  const stats = table.getStats() as Readonly<Record<string, number>>;
  const pages = (stats['treeBranchPageCount'] ?? 0) + (stats['treeLeafPageCount'] ?? 0) + (stats['overflowPages'] ?? 0);
  return pages * (stats['pageSize'] ?? 0);
}

/** How large the file is. */
export function fileBytes({ file }: LmdbTables): number {
  return statSync(file).size;
}

/** Resolves when all that has been written is on the disk; for a file whose commits do not wait for it. */
export function syncToDisk({ root }: LmdbTables): Promise<void> {
  // The binding's types leave it out.
  const { sync } = root as unknown as { readonly sync: (done: (error?: Error) => void) => void };
  return new Promise((resolve, reject) => {
    sync.call(root, (error) => (error ? reject(error) : resolve()));
  });
}
