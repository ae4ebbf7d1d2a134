import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '@keelson/base/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LmdbStore } from './lmdb-store.ts';
import { put, show } from './testing/harness.ts';

let path: string;

beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'keelson-store-'));
});

afterEach(() => rm(path, { recursive: true, force: true }));

describe('LmdbStore, durability', () => {
  it('interval: waits for the disk once in an interval, and at the end', async () => {
    const clock = new ManualClock();
    const store = await LmdbStore.open({ path, clock, durability: 'interval', syncIntervalMs: 1000 });
    const syncs: number[] = [];

    for (let i = 0; i < 5; i++) await store.commit([put('/a', `${i}`)]);
    syncs.push(store.stats().syncs);
    await clock.advance(1000);
    await expect.poll(() => store.stats().syncs).toBe(1);
    await clock.advance(5000);
    syncs.push(store.stats().syncs);
    await store.commit([put('/a', 'last')]);
    await store.close();

    expect(syncs).toEqual([0, 1]);
    expect(store.stats().syncs).toBe(2);
  });

  it.each(['interval', 'none'] as const)(
    '%s: what was written is there when it is opened again, whichever way',
    async (durability) => {
      const first = await LmdbStore.open({ path, durability });
      await first.commit([put('/a', '1')]);
      await first.close();

      const second = await LmdbStore.open({ path, durability: 'commit' });

      expect(show(await second.get('/a'))).toBe('/a=1 @2 ^2');
      await second.close();
    },
  );
});

describe('LmdbStore, when the clock is set', () => {
  it('deletes no key early when time is put back, and goes on', async () => {
    const clock = new ManualClock();
    const store = await LmdbStore.open({ path, clock, durability: 'none' });
    await store.commit([put('/a', '1', 60)]);

    clock.step(-3_600_000);
    await store.commit([put('/b', '1', 60)]);
    await clock.advance(63_000);
    await expect.poll(() => store.get('/b')).toBeUndefined();

    expect(show(await store.get('/a'))).toBe('/a=1 @2 ^2');
    await store.close();
  });
});

describe('LmdbStore, churn', () => {
  it('of 1,000 heartbeats in each 10 seconds leaves the file at most twice as large after an hour as after a minute', async () => {
    const clock = new ManualClock();
    const store = await LmdbStore.open({ path, clock, durability: 'none' });
    const size = async (): Promise<number> => (await stat(join(path, 'store.mdb'))).size;
    const beat = async (round: number): Promise<void> => {
      const leases = Array.from({ length: 1000 }, (_, node) =>
        store.commit([put(`/registry/leases/kube-node-lease/node-${node}`, `${round}`.padStart(400))]),
      );
      await Promise.all([...leases, store.commit([put(`/registry/events/default/e-${round}`, 'x'.repeat(700), 600)])]);
      await clock.advance(10_000);
    };
    for (let round = 0; round < 6; round++) await beat(round);
    const afterMinute = await size();

    for (let round = 6; round < 360; round++) await beat(round);

    expect(await size()).toBeLessThanOrEqual(2 * afterMinute);
    await store.close();
  });
});
