import type { Entry } from '@keelson/store';
import type { ObjectShape, StoredObject } from './stored-object.ts';

const LIMIT = 1_024;

/**
 * Objects on their way into the store. When the store tells of a write that this process has made, the cache takes the writer's object
 * instead of parsing the bytes again.
 */
export class PendingWrites {
  readonly #drafts = new Map<string, StoredObject>();

  add(draft: StoredObject): void {
    this.#drafts.set(draft.key, draft);
    if (this.#drafts.size <= LIMIT) return;
    for (const [oldest] of this.#drafts) {
      this.#drafts.delete(oldest);
      return;
    }
  }

  /** The write has failed. */
  drop(draft: StoredObject): void {
    if (this.#drafts.get(draft.key) === draft) this.#drafts.delete(draft.key);
  }

  /** The draft that became the entry, for the cache of its shape. */
  take(entry: Entry, shape: ObjectShape): StoredObject | undefined {
    const draft = this.#drafts.get(entry.key);
    if (draft?.shape !== shape) return undefined;
    if (draft.value !== entry.value && !draft.value.equals(entry.value)) return undefined;
    if (!draft.isDraft && draft.revision !== entry.revision) return undefined;
    this.#drafts.delete(entry.key);
    return draft;
  }
}
