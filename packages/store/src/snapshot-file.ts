// A snapshot is a copy of the database's file without its free pages, and behind it a trailer: MAGIC and the SHA-256 of all before it.
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { mkdir, mkdtemp, open as openFile, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { errorMessage, isReason, KeelsonError } from '@keelson/base';
import { open } from 'lmdb';
import { openTables, STORE_FILE, syncToDisk, type LmdbTables } from './internal/lmdb-tables.ts';
import type { Revision } from './store.ts';

/** What is in a snapshot. */
export interface SnapshotStatus {
  /** The newest revision. */
  readonly revision: Revision;
  /** How many keys exist at that revision. */
  readonly keys: number;
  readonly sizeBytes: number;
  /** Of the content, in hexadecimal digits. */
  readonly sha256: string;
}

export interface RestoreOptions {
  /**
   * By how much the revision is raised. Clients of the store that was lost have seen revisions that are not in the snapshot: no later
   * revision may repeat one of these. 1,000,000,000 if absent.
   */
  readonly bumpRevision?: number;
}

const MAGIC = Buffer.from('KEELSNP1');
const HASH_BYTES = 32;
const TRAILER_BYTES = MAGIC.length + HASH_BYTES;
const DEFAULT_BUMP = 1_000_000_000;

/**
 * Writes what the store in `directory` has at this moment into `file`, also while another process uses that store. `AlreadyExists` if
 * there is such a file, `NotFound` if there is no store, `ServiceUnavailable` if it cannot be read or the file cannot be written.
 */
export async function saveSnapshot(directory: string, file: string): Promise<SnapshotStatus> {
  const path = join(directory, STORE_FILE);
  if (!existsSync(path)) throw new KeelsonError('NotFound', `Cannot save a snapshot: there is no store in "${directory}"`);
  return told(`save a snapshot of the store in "${directory}" to "${file}"`, async () => {
    // Readers of other processes are the database's own matter: they see one state, and nobody waits for them.
    const root = open({ path, readOnly: true, encoding: 'binary', maxDbs: 8 });
    try {
      return await seal((copy) => root.backup(copy, true), file);
    } finally {
      await root.close();
    }
  });
}

/** As `saveSnapshot`, of an open store. */
export function saveTables({ root }: LmdbTables, file: string): Promise<SnapshotStatus> {
  return told(`save a snapshot to "${file}"`, () => seal((copy) => root.backup(copy, true), file));
}

/** Makes `directory` a store with what an open one has. */
export function copyTables({ root }: LmdbTables, directory: string): Promise<void> {
  return told(`copy the store to "${directory}"`, async () => {
    await mkdir(directory, { recursive: true });
    const file = join(directory, STORE_FILE);
    if (existsSync(file)) throw new KeelsonError('AlreadyExists', `"${directory}" has a store already`);
    await root.backup(file, false);
  });
}

/** Says what is in a snapshot, having checked all of it. `BadRequest` if it is none, or damaged. */
export async function snapshotStatus(file: string): Promise<SnapshotStatus> {
  return told(`read snapshot "${file}"`, async () => {
    const { sha256 } = await verify(file);
    const directory = await mkdtemp(join(dirname(resolve(file)), '.snapshot-'));
    try {
      return { ...(await unpack(file, directory)), sizeBytes: (await stat(file)).size, sha256 };
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
}

/**
 * Makes `directory`, which must not have anything in it, a store with what is in the snapshot: all current values under their revisions,
 * no history. Whoever watches from an older revision is told that it has expired. Gives the revision that the store begins with.
 * `BadRequest` if the snapshot is damaged, `AlreadyExists` if the directory is not empty; then nothing has changed.
 */
export async function restoreSnapshot(file: string, directory: string, options: RestoreOptions = {}): Promise<Revision> {
  const { bumpRevision = DEFAULT_BUMP } = options;
  if (!Number.isSafeInteger(bumpRevision) || bumpRevision < 0)
    throw new KeelsonError('BadRequest', `Cannot raise the revision by ${bumpRevision}: it has to be a whole number, 0 or more`);
  return told(`restore snapshot "${file}" to "${directory}"`, async () => {
    await verify(file);
    const target = resolve(directory);
    await mkdir(dirname(target), { recursive: true });
    await removeIfEmpty(target);
    // Made beside it and moved as a whole: there is never half a store.
    const made = await mkdtemp(`${target}.restoring-`);
    try {
      const { revision } = await unpack(file, made, (tables) => beginAnew(tables, bumpRevision));
      await rename(made, target);
      return revision;
    } finally {
      await rm(made, { recursive: true, force: true });
    }
  });
}

async function removeIfEmpty(directory: string): Promise<void> {
  if (!existsSync(directory)) return;
  try {
    await rmdir(directory);
  } catch (cause) {
    throw new KeelsonError('AlreadyExists', `"${directory}" is not an empty directory`, { cause });
  }
}

/** Lets `copy` write the database's file, and gives it its trailer and its name. */
async function seal(copy: (path: string) => Promise<void>, file: string): Promise<SnapshotStatus> {
  const target = resolve(file);
  if (existsSync(target)) throw new KeelsonError('AlreadyExists', `"${file}" exists already`);
  await mkdir(dirname(target), { recursive: true });
  const directory = await mkdtemp(join(dirname(target), '.snapshot-'));
  try {
    const draft = join(directory, 'copy');
    await copy(draft);
    await appendTrailer(draft, await hashOf(draft));
    await rename(draft, target);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  return snapshotStatus(target);
}

async function appendTrailer(file: string, hash: Buffer): Promise<void> {
  const handle = await openFile(file, 'a');
  try {
    await handle.write(Buffer.concat([MAGIC, hash]));
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function hashOf(file: string, end = Infinity): Promise<Buffer> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { end }), hash);
  return hash.digest();
}

/** Checks that a snapshot is as it was written. */
async function verify(file: string): Promise<{ readonly sha256: string }> {
  const { size } = await stat(file);
  const trailer = Buffer.alloc(TRAILER_BYTES);
  const handle = await openFile(file, 'r');
  try {
    await handle.read(trailer, 0, TRAILER_BYTES, Math.max(0, size - TRAILER_BYTES));
  } finally {
    await handle.close();
  }
  if (size <= TRAILER_BYTES || !trailer.subarray(0, MAGIC.length).equals(MAGIC))
    throw new KeelsonError('BadRequest', 'it is no snapshot, or its end is missing');
  const hash = await hashOf(file, size - TRAILER_BYTES - 1);
  if (!hash.equals(trailer.subarray(MAGIC.length)))
    throw new KeelsonError('BadRequest', 'it is damaged: its checksum does not match');
  return { sha256: hash.toString('hex') };
}

/** Makes a store of a snapshot that has been verified, and changes it as asked. */
async function unpack(
  file: string,
  directory: string,
  change: (tables: LmdbTables) => void = () => undefined,
): Promise<Pick<SnapshotStatus, 'revision' | 'keys'>> {
  const { size } = await stat(file);
  const path = join(directory, STORE_FILE);
  await pipeline(createReadStream(file, { end: size - TRAILER_BYTES - 1 }), createWriteStream(path));
  const tables = openTables(directory, { durable: true });
  try {
    tables.root.transactionSync(() => change(tables));
    await syncToDisk(tables);
    return { revision: tables.meta.get('revision') ?? 1, keys: tables.current.getKeysCount({ start: Buffer.of(1) }) };
  } finally {
    await tables.root.close();
  }
}

/** Forgets history, and goes on from a revision that nobody has seen. */
function beginAnew({ meta, history, log }: LmdbTables, bumpRevision: number): void {
  const revision = (meta.get('revision') ?? 1) + bumpRevision;
  history.clearSync();
  log.clearSync();
  meta.putSync('revision', revision);
  meta.putSync('compacted', revision);
}

async function told<T>(what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    const known = isReason(cause, 'BadRequest') || isReason(cause, 'AlreadyExists') || isReason(cause, 'NotFound');
    const missing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    const reason = known && cause instanceof KeelsonError ? cause.reason : missing ? 'NotFound' : 'ServiceUnavailable';
    throw new KeelsonError(reason, `Cannot ${what}: ${errorMessage(cause)}`, { cause });
  }
}
