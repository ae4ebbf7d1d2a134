import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LmdbStore } from './lmdb-store.ts';
import { MemoryStore } from './memory-store.ts';
import type { Entry, Key, Revision, Store } from './store.ts';
import { Workload, type WorkloadResult } from './testing.ts';

async function work(store: Store, operations: number): Promise<WorkloadResult> {
  let left = operations;
  const result = await new Workload({ stores: [store], clients: 16, keys: 8, prefix: '/lin/', goOn: () => left-- > 0 }).run();
  await store.close();
  return result;
}

/** Answers as a cache would that is not told of everything. */
class StaleStore extends MemoryStore {
  readonly #seen = new Map<Key, Entry | undefined>();
  #reads = 0;

  override async get(key: Key, at?: Revision): Promise<Entry | undefined> {
    const entry = await super.get(key, at);
    const old = this.#seen.get(key);
    this.#seen.set(key, entry);
    return (this.#reads += 1) % 50 === 0 ? old : entry;
  }
}

describe('what clients see who work at the same time', () => {
  it('is linearizable in memory', async () => {
    expect(await work(new MemoryStore(), 5_000)).toMatchObject({ unknown: 0, problems: [] });
  });

  it('is linearizable on LMDB', async () => {
    const path = await mkdtemp(join(tmpdir(), 'keelson-lin-'));

    const result = await work(await LmdbStore.open({ path }), 5_000);
    await rm(path, { recursive: true });

    expect(result).toMatchObject({ unknown: 0, problems: [] });
    expect(result.operations).toBeGreaterThan(5_000);
  });

  it('would be found out if it were not', async () => {
    const { problems } = await work(new StaleStore(), 2_000);

    expect(problems.length).toBeGreaterThan(0);
  });
});
