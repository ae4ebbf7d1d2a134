import { assert } from '@keelson/base';
import type { Entry, Key, Revision, StoreEvent } from '../store.ts';
import { compareKeys } from './keys.ts';
import { keyOf, type Commit } from './watch-hub.ts';

/** What a key was from `revision` on; no entry: it had been deleted. */
interface Version {
  readonly revision: Revision;
  readonly entry: Entry | undefined;
}

/** All kept versions of all keys, in memory, ordered by key. */
export class Timeline {
  readonly #versions = new Map<Key, Version[]>();
  /** The keys of `#versions`, in order. */
  readonly #keys: Key[] = [];

  /** One of its own with the same versions. */
  fork(): Timeline {
    const fork = new Timeline();
    for (const [key, versions] of this.#versions) fork.#versions.set(key, [...versions]);
    fork.#keys.push(...this.#keys);
    return fork;
  }

  newest(key: Key): Entry | undefined {
    return this.#versions.get(key)?.at(-1)?.entry;
  }

  at(key: Key, revision: Revision): Entry | undefined {
    return this.#versions.get(key)?.findLast((version) => version.revision <= revision)?.entry;
  }

  add(event: StoreEvent): void {
    const key = keyOf(event);
    const version: Version =
      event.type === 'put'
        ? { revision: event.entry.revision, entry: event.entry }
        : { revision: event.revision, entry: undefined };
    const versions = this.#versions.get(key);
    if (versions) {
      versions.push(version);
      return;
    }
    this.#versions.set(key, [version]);
    this.#keys.splice(this.#firstAtOrBehind(key), 0, key);
  }

  /** The entries under `prefix` as of `revision`, in order, behind `after`. */
  *range(prefix: Key, after: Key | undefined, revision: Revision): Generator<Entry, void, undefined> {
    const behind = after !== undefined && compareKeys(after, prefix) >= 0;
    let index = this.#firstAtOrBehind(behind ? after : prefix);
    if (behind && this.#keys[index] === after) index += 1;
    for (let key = this.#keys[index]; key?.startsWith(prefix); key = this.#keys[++index]) {
      const entry = this.at(key, revision);
      if (entry) yield entry;
    }
  }

  /** Forgets what `commit` replaced. Commits must be forgotten in order. */
  forgetBefore(commit: Commit): void {
    for (const event of commit.events) {
      const key = keyOf(event);
      const versions = this.#versions.get(key);
      assert(versions, `"${key}" has versions`);
      versions.splice(
        0,
        versions.findIndex((version) => version.revision === commit.revision),
      );
      if (versions.length > 1 || event.type === 'put') continue;
      this.#versions.delete(key);
      this.#keys.splice(this.#firstAtOrBehind(key), 1);
    }
  }

  #firstAtOrBehind(key: Key): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareKeys(this.#keys[middle] ?? '', key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
