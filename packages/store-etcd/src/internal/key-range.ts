import { Buffer } from 'node:buffer';
import type { Entry, Key } from '@keelson/store';
import { compareKeys } from '@keelson/store/driver';
import type { KeyValue } from './rpc.ts';

/** Keys from `key` up to, but without, `rangeEnd`, as etcd has them. */
export interface KeyRange {
  readonly key: Uint8Array;
  readonly rangeEnd: Uint8Array;
}

/** As the end of a range: there is none. */
const NO_END = Uint8Array.of(0);

/** All keys: those of the store, and the driver's own. */
export const EVERYTHING: KeyRange = { key: Uint8Array.of(0), rangeEnd: NO_END };

/** The keys of a store have no NUL, so what begins with one is the driver's. */
export function isOwn(key: Key): boolean {
  return key.charCodeAt(0) === 0;
}

/** Where the replicas of a program agree on who compacts. */
export const COMPACTED_KEY: Key = '\0keelson/compacted';

export function keyBytes(key: Key): Uint8Array {
  return Buffer.from(key);
}

/** The keys of the store under `prefix` and behind `after`; undefined if there cannot be any. */
export function rangeOf(prefix: Key, after?: Key): KeyRange | undefined {
  const rangeEnd = prefix === '' ? NO_END : following(keyBytes(prefix));
  if (after === undefined || compareKeys(after, prefix) < 0) {
    return { key: prefix === '' ? Uint8Array.of(1) : keyBytes(prefix), rangeEnd };
  }
  if (!after.startsWith(prefix)) return undefined;
  return { key: after === '' ? Uint8Array.of(1) : keyBytes(`${after}\0`), rangeEnd };
}

/** The first key behind all that start with `bytes`. No byte of UTF-8 is the last one, so the end can be counted up. */
function following(bytes: Uint8Array): Uint8Array {
  const next = Uint8Array.from(bytes);
  const last = next.length - 1;
  next[last] = (next[last] ?? 0) + 1;
  return next;
}

/** The value is copied: it does not keep the message in memory in which it came. */
export function entryOf({ key, value, modRevision, createRevision }: KeyValue): Entry {
  return { key, value: Buffer.from(value), revision: modRevision, createRevision };
}
