import { Buffer } from 'node:buffer';
import { KeelsonError } from '@keelson/base';
import type { Guard, Key, RangeOptions, Revision, Write } from '../store.ts';

export const MAX_KEY_BYTES = 1024;

/** Refuses keys that UTF-8 bytes cannot tell apart or that a database cannot hold. */
export function checkKey(key: Key): void {
  checkText(key);
  if (key.length === 0) throw new KeelsonError('BadRequest', 'Cannot use an empty key');
}

/** As `checkKey`, but a prefix may be empty: then it covers all keys. */
export function checkPrefix(prefix: Key): void {
  checkText(prefix);
}

function checkText(text: string): void {
  if (text.includes('\0'))
    throw new KeelsonError('BadRequest', `Cannot use key ${JSON.stringify(text)}: it holds a NUL character`);
  if (!text.isWellFormed())
    throw new KeelsonError('BadRequest', `Cannot use key ${JSON.stringify(text)}: it is not well-formed Unicode`);
  // A UTF-16 unit takes three bytes at most, so most keys need no counting.
  if (text.length * 3 <= MAX_KEY_BYTES) return;
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_KEY_BYTES) {
    throw new KeelsonError('RequestEntityTooLarge', `Cannot use a key of ${bytes} bytes: at most ${MAX_KEY_BYTES} are allowed`);
  }
}

export function checkRevision(name: string, revision: Revision): void {
  if (!Number.isSafeInteger(revision) || revision < 0) {
    throw new KeelsonError('BadRequest', `Cannot use ${name} ${revision}: a revision is a whole number, 0 or more`);
  }
}

/** Refuses a revision of which the state is not known any more or not yet. */
export function checkReadable(at: Revision, compacted: Revision, newest: Revision): void {
  if (at < compacted) throw expired('read', at, compacted);
  if (at > newest) throw new KeelsonError('Timeout', `Cannot read at revision ${at}: the newest revision is ${newest}`);
}

export function expired(verb: string, revision: Revision, compacted: Revision): KeelsonError {
  return new KeelsonError('Expired', `Cannot ${verb} at revision ${revision}: revisions before ${compacted} have been compacted`);
}

export function closedError(): KeelsonError {
  return new KeelsonError('ServiceUnavailable', 'Cannot use the store: it is closed');
}

export function checkRangeOptions(prefix: Key, options: RangeOptions): void {
  checkPrefix(prefix);
  const { after, limit, at } = options;
  if (after !== undefined) checkPrefix(after);
  if (at !== undefined) checkRevision('revision', at);
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 0)) {
    throw new KeelsonError('BadRequest', `Cannot use limit ${limit}: it must be a whole number, 0 or more`);
  }
}

export function checkCommit(writes: readonly Write[], guards: readonly Guard[], maxValueBytes: number): void {
  for (const guard of guards) {
    checkKey(guard.key);
    checkRevision('guard revision', guard.revision);
  }
  for (const write of writes) checkWrite(write, maxValueBytes);
  if (writes.length < 2) return;
  const keys = new Set<Key>();
  for (const { key } of writes) {
    if (keys.has(key)) throw new KeelsonError('BadRequest', `Cannot commit: key "${key}" is written twice`);
    keys.add(key);
  }
}

function checkWrite(write: Write, maxValueBytes: number): void {
  checkKey(write.key);
  if (write.type === 'delete') return;
  const bytes = write.value.length;
  if (bytes > maxValueBytes) {
    const message = `Cannot write ${bytes} bytes to "${write.key}": at most ${maxValueBytes} are allowed`;
    throw new KeelsonError('RequestEntityTooLarge', message);
  }
  const { ttlSeconds } = write;
  if (ttlSeconds !== undefined && !(Number.isFinite(ttlSeconds) && ttlSeconds > 0)) {
    throw new KeelsonError(
      'BadRequest',
      `Cannot write "${write.key}" with a time to live of ${ttlSeconds} s: it must be above 0`,
    );
  }
}

export function conflict(guard: Guard, actual: Revision): KeelsonError {
  const expected = guard.revision === 0 ? 'no such key' : `revision ${guard.revision}`;
  const found = actual === 0 ? 'it does not exist' : `it is at revision ${actual}`;
  return new KeelsonError('Conflict', `Cannot commit: expected ${expected} for "${guard.key}", but ${found}`);
}

/**
 * Orders keys as their UTF-8 bytes are ordered. That is the order of code points, from which the order of UTF-16 units differs where
 * surrogates (code points from U+10000) meet U+E000 to U+FFFF.
 */
export function compareKeys(a: Key, b: Key): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

function rank(unit: number): number {
  const surrogate = unit >= 0xd800 && unit < 0xe000;
  return surrogate ? unit + 0x10000 : unit;
}
