import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '@keelson/base/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LmdbStore } from './lmdb-store.ts';
import { MemoryStore } from './memory-store.ts';
import { put, show } from './testing/harness.ts';

let path: string;

beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'keelson-fork-'));
});

afterEach(() => rm(path, { recursive: true, force: true }));

describe.each([
  {
    name: 'MemoryStore',
    open: async (clock: ManualClock) => new MemoryStore({ clock }),
    fork: async (store: MemoryStore | LmdbStore) => (store as MemoryStore).fork(),
  },
  {
    name: 'LmdbStore',
    open: (clock: ManualClock) => LmdbStore.open({ path: join(path, 'original'), clock, durability: 'none' }),
    fork: (store: MemoryStore | LmdbStore) => (store as LmdbStore).fork(join(path, 'fork')),
  },
])('a fork of a $name', ({ open, fork }) => {
  it('has what the original had, with its history, and goes its own way', async () => {
    const original = await open(new ManualClock());
    await original.commit([put('/a', '1')]);
    await original.commit([put('/a', '2')]);

    const forked = await fork(original);
    await original.commit([put('/a', 'original')]);
    await forked.commit([put('/b', 'forked')]);

    expect(show(await forked.get('/a'))).toBe('/a=2 @3 ^2');
    expect(show(await forked.get('/a', 2))).toBe('/a=1 @2 ^2');
    expect(show(await forked.get('/b'))).toBe('/b=forked @4 ^4');
    expect(show(await original.get('/a'))).toBe('/a=original @4 ^2');
    expect(await original.get('/b')).toBeUndefined();
    await original.close();
    expect(await forked.revision()).toBe(4);
    await forked.close();
  });

  it('lets keys expire, whether or not the original still has them', async () => {
    const clock = new ManualClock();
    const original = await open(clock);
    await original.commit([put('/a', '1', 60)]);

    const forked = await fork(original);
    await original.close();
    await clock.advance(63_000);

    await expect.poll(() => forked.get('/a')).toBeUndefined();
    await forked.close();
  });
});
