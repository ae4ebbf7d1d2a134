import type { Clock } from '@keelson/base';

/** After so long what is still missing is taken as seen: it has been missed, and waiting on would block the controller for ever. */
const TIMEOUT_MS = 5 * 60_000;

interface Expected {
  creations: number;
  deletions: number;
  /** Deletions that are told apart: each counts once however often it is seen. */
  readonly uids: Set<string>;
  readonly sinceMs: number;
}

/**
 * What a controller has done and its informers have not shown yet: until then it must not act on the cache, or it does everything twice. Say
 * what is expected before it is done. Example: `expectCreations('default/web', 3)`, three creations, of which one fails:
 * `creationObserved` at once for that one, and as the informer shows them for the others; then `satisfied` is true again.
 */
export class Expectations {
  readonly #clock: Clock;
  readonly #expected = new Map<string, Expected>();

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock;
  }

  /** Replaces what was expected of the key. */
  expectCreations(key: string, count: number): void {
    this.#expect(key, { creations: count });
  }

  /** Replaces what was expected of the key. With uids, a deletion that is seen twice (marked, then gone) counts once. */
  expectDeletions(key: string, deletions: number | readonly string[]): void {
    this.#expect(key, typeof deletions === 'number' ? { deletions } : { uids: deletions });
  }

  /** Both at a time: replaces what was expected of the key. */
  expectChanges(
    key: string,
    { creations, deletions }: { readonly creations: number; readonly deletions: readonly string[] },
  ): void {
    this.#expect(key, { creations, uids: deletions });
  }

  #expect(
    key: string,
    { creations = 0, deletions = 0, uids = [] }: { creations?: number; deletions?: number; uids?: readonly string[] },
  ): void {
    this.#expected.set(key, { creations, deletions, uids: new Set(uids), sinceMs: this.#clock.monotonic() });
  }

  creationObserved(key: string): void {
    const expected = this.#expected.get(key);
    if (expected) expected.creations -= 1;
  }

  deletionObserved(key: string, uid?: string): void {
    const expected = this.#expected.get(key);
    if (!expected) return;
    if (uid !== undefined && expected.uids.delete(uid)) return;
    if (expected.uids.size === 0) expected.deletions -= 1;
  }

  /** True if the cache shows all that was done, nothing was, or it was too long ago. */
  satisfied(key: string): boolean {
    const expected = this.#expected.get(key);
    if (!expected) return true;
    if (expected.creations <= 0 && expected.deletions <= 0 && expected.uids.size === 0) return true;
    return this.#clock.monotonic() - expected.sinceMs > TIMEOUT_MS;
  }

  /** For a key whose object is gone. */
  forget(key: string): void {
    this.#expected.delete(key);
  }
}
