import type { Key, Revision } from '../store.ts';

/** How many are kept: one for each list that somebody is in the middle of, and some more. */
const MAX_KEPT = 256;

/** A place in what there was under a prefix at a revision; without `after` its beginning. */
export interface Place {
  readonly prefix: Key;
  readonly after?: Key | undefined;
  readonly at: Revision;
}

/**
 * How many entries come behind a place, where that has been counted. It never changes, and the next page begins where the one before it
 * ended: so a list is counted with its first page, and not once more with each page. What was noted first is forgotten first.
 */
export class PageCounts {
  readonly #counts = new Map<string, number>();

  behind(place: Place): number | undefined {
    return this.#counts.get(textOf(place));
  }

  note(place: Place, count: number): void {
    const text = textOf(place);
    this.#counts.delete(text);
    this.#counts.set(text, count);
    if (this.#counts.size <= MAX_KEPT) return;
    for (const oldest of this.#counts.keys()) {
      this.#counts.delete(oldest);
      return;
    }
  }
}

/** No key holds a NUL. */
function textOf({ prefix, after = '', at }: Place): string {
  return `${at}\0${prefix}\0${after}`;
}
