import type { MemoryStore, Write } from '@keelson/store';

/** What a cluster had stored at some moment. As often as wanted, other clusters can start from it, or a cluster be put back to it. */
export class Snapshot {
  readonly #store: MemoryStore;

  /** Of a store that nobody else has. */
  constructor(store: MemoryStore) {
    this.#store = store;
  }

  /** A store with what is in the snapshot. */
  open(options: Parameters<MemoryStore['fork']>[0]): MemoryStore {
    return this.#store.fork(options);
  }

  /** Makes the contents of `store` those of the snapshot, in one commit: clients see ordinary changes, under new resource versions. */
  async restoreTo(store: MemoryStore): Promise<void> {
    const wanted = new Map((await this.#store.range('')).entries.map(({ key, value }) => [key, value]));
    const writes: Write[] = [];
    for (const { key, value } of (await store.range('')).entries) {
      const then = wanted.get(key);
      wanted.delete(key);
      if (then === undefined) writes.push({ type: 'delete', key });
      else if (Buffer.compare(then, value) !== 0) writes.push({ type: 'put', key, value: then });
    }
    for (const [key, value] of wanted) writes.push({ type: 'put', key, value });
    if (writes.length > 0) await store.commit(writes);
  }
}
