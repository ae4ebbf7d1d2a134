import { closeSync, existsSync, fstatSync, ftruncateSync, openSync, readSync, truncateSync } from 'node:fs';
import { endianness } from 'node:os';

// The database maps its file into memory and trusts it: a file that ends too early, or is none of its own, ends the process. So we
// look at the two meta pages first, one of which describes the newest state. Offsets into a meta page of LMDB's data format 2:
const MAGIC_AT = 24;
const PAGE_SIZE_AT = 48;
const FREE_ROOT_AT = 88;
const MAIN_ROOT_AT = 136;
const LAST_PAGE_AT = 144;
const TRANSACTION_AT = 152;
const META_BYTES = 160;
const MAGIC = 0xbeefc0de;

/**
 * A transaction may end with pages at the end of the file that it took and gave back, which are never written. So a file may lack a few
 * of its last pages and yet be whole; only reading all of it tells.
 */
const MAX_UNWRITTEN_PAGES = 64;

/** What a file that exists is found to be: `short` if it lacks pages at its end, and must be read through after `extend`. */
export type FileState =
  | { readonly state: 'whole' }
  | { readonly state: 'short'; readonly sizeBytes: number; readonly wantedBytes: number };

/** Throws if `file` cannot be a database, or has been cut off. */
export function checkFile(file: string): FileState {
  if (!existsSync(file) || endianness() !== 'LE') return { state: 'whole' };
  const descriptor = openSync(file, 'r');
  try {
    const sizeBytes = fstatSync(descriptor).size;
    if (sizeBytes === 0) return { state: 'whole' };
    const { pageBytes, lastPage, roots } = newestMeta(descriptor);
    const wantedBytes = (lastPage + 1) * pageBytes;
    if (sizeBytes >= wantedBytes) return { state: 'whole' };
    const missingPages = (wantedBytes - sizeBytes) / pageBytes;
    if (missingPages > MAX_UNWRITTEN_PAGES || roots.some((page) => page <= lastPage && page > lastPage - missingPages)) {
      throw new Error(`"${file}" is cut off: it has ${sizeBytes} bytes of ${wantedBytes}`);
    }
    return { state: 'short', sizeBytes, wantedBytes };
  } finally {
    closeSync(descriptor);
  }
}

/** Fills up a file that is `short` with zeros, which reading recognizes as damage if they belong to anything. */
export function extend(file: string, wantedBytes: number): void {
  const descriptor = openSync(file, 'r+');
  ftruncateSync(descriptor, wantedBytes);
  closeSync(descriptor);
}

export function cutBack(file: string, sizeBytes: number): void {
  truncateSync(file, sizeBytes);
}

interface Meta {
  readonly pageBytes: number;
  readonly lastPage: number;
  /** Where the list of free pages and the list of tables begin; beyond `lastPage` if they are empty. */
  readonly roots: readonly number[];
  readonly transaction: number;
}

function newestMeta(descriptor: number): Meta {
  const first = readMeta(descriptor, 0);
  const second = readMeta(descriptor, first?.pageBytes ?? 4096);
  const newest = !first || (second && second.transaction > first.transaction) ? second : first;
  if (!newest) throw new Error('its file is damaged or is no database');
  return newest;
}

function readMeta(descriptor: number, at: number): Meta | undefined {
  const page = Buffer.alloc(META_BYTES);
  if (readSync(descriptor, page, 0, META_BYTES, at) < META_BYTES || page.readUInt32LE(MAGIC_AT) !== MAGIC) return undefined;
  return {
    pageBytes: page.readUInt32LE(PAGE_SIZE_AT),
    lastPage: Number(page.readBigUInt64LE(LAST_PAGE_AT)),
    roots: [FREE_ROOT_AT, MAIN_ROOT_AT].map((offset) => Number(page.readBigUInt64LE(offset))),
    transaction: Number(page.readBigUInt64LE(TRANSACTION_AT)),
  };
}
