// Hot path: one record is encoded for each write, and one decoded for each entry that is read. A record is decoded without copying.
import { Buffer } from 'node:buffer';
import { KeelsonError } from '@keelson/base';
import type { Entry, Key, Revision } from '../store.ts';

/** A version of `key` that was replaced by commit `revision`. */
export type VersionKey = [key: Key, revision: Revision];

/** What one commit did to a key. */
export interface Change {
  readonly key: Key;
  readonly type: 'put' | 'delete';
  /** Whether the key was there before. */
  readonly replaced: boolean;
}

/** A record begins with the revision that wrote it and the one that made its key, as 64-bit floats. */
const HEADER_BYTES = 16;

/** A record ends with this byte, so that one which lost its end is not taken for a shorter value or one with zeros in it. */
const END = 0x4b;

let scratch = Buffer.allocUnsafeSlow(64 * 1024);

/** A part of a buffer that the next call overwrites: to be written at once. */
function scratchOf(bytes: number): Buffer {
  if (bytes > scratch.length) scratch = Buffer.allocUnsafeSlow(2 * bytes);
  return scratch.subarray(0, bytes);
}

/** The record of `entry`, valid until the next call of a function of this file. */
export function encodeRecord({ value, revision, createRevision }: Entry): Buffer {
  const end = HEADER_BYTES + value.length;
  const record = scratchOf(end + 1);
  record.writeDoubleBE(revision, 0);
  record.writeDoubleBE(createRevision, 8);
  record.set(value, HEADER_BYTES);
  record[end] = END;
  return record;
}

/** The entry keeps `record`. */
export function decodeRecord(key: Key, record: Buffer): Entry {
  const end = record.length - 1;
  const revision = end >= HEADER_BYTES && record[end] === END ? record.readDoubleBE(0) : 0;
  if (!Number.isSafeInteger(revision) || revision < 1) {
    throw new KeelsonError('ServiceUnavailable', `Cannot read "${key}": its record is damaged`);
  }
  return { key, value: record.subarray(HEADER_BYTES, end), revision, createRevision: record.readDoubleBE(8) };
}

const PUT = 1;
const REPLACED = 2;

/** Valid until the next call of a function of this file. */
export function encodeChanges(changes: readonly Change[]): Buffer {
  let bytes = 0;
  for (const { key } of changes) bytes += 3 + 3 * key.length;
  const record = scratchOf(bytes);
  let end = 0;
  for (const { key, type, replaced } of changes) {
    const keyBytes = record.write(key, end + 3);
    record[end] = (type === 'put' ? PUT : 0) | (replaced ? REPLACED : 0);
    record.writeUInt16BE(keyBytes, end + 1);
    end += 3 + keyBytes;
  }
  return record.subarray(0, end);
}

export function decodeChanges(record: Buffer): Change[] {
  const changes: Change[] = [];
  for (let start = 0; start < record.length;) {
    const flags = record[start] ?? 0;
    const end = start + 3 + record.readUInt16BE(start + 1);
    const key = record.toString('utf8', start + 3, end);
    changes.push({ key, type: flags & PUT ? 'put' : 'delete', replaced: (flags & REPLACED) !== 0 });
    start = end;
  }
  return changes;
}

/** Writes `key` into `target` at `start` and returns where it ends. */
export function encodeKey(key: Key | Uint8Array, target: Buffer, start: number): number {
  if (typeof key !== 'string') {
    target.set(key, start);
    return start + key.length;
  }
  // `write` would cut off what has no room, silently.
  if (key.length * 3 > target.length - start && Buffer.byteLength(key) > target.length - start) throw new RangeError('no room');
  return start + target.write(key, start);
}

export function decodeKey(source: Buffer, start: number, end: number): Key {
  return source.toString('utf8', start, end);
}

/** A key, a NUL (which sorts before all that a key may hold), and the revision. */
export function encodeVersionKey(version: VersionKey | Uint8Array, target: Buffer, start: number): number {
  if (version instanceof Uint8Array) return encodeKey(version, target, start);
  const [key, revision] = version;
  const end = encodeKey(key, target, start);
  target[end] = 0;
  // The bytes of floats from 0 up sort as the numbers do.
  return target.writeDoubleBE(revision, end + 1);
}

export function decodeVersionKey(source: Buffer, start: number, end: number): VersionKey {
  return [source.toString('utf8', start, end - 9), source.readDoubleBE(end - 8)];
}

/** From where to read to find all keys that start with `prefix` and come behind `after`. */
export function lowerBound(prefix: Key, after: Key | undefined): Uint8Array {
  const bytes = Buffer.from(prefix);
  if (after !== undefined) {
    const behind = Buffer.from(`${after}\u0001`);
    if (behind.compare(bytes) > 0) return behind;
  }
  return bytes.length === 0 ? Buffer.of(1) : bytes;
}

/** Behind all keys that start with `prefix`: the byte 255 is in no key. */
export function upperBound(prefix: Key): Uint8Array {
  return Buffer.concat([Buffer.from(prefix), Buffer.of(0xff)]);
}
