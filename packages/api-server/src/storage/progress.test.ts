import { ManualClock } from '@keelson/base/testing';
import { MemoryStore } from '@keelson/store';
import { expect, it } from 'vitest';
import { Progress } from './progress.ts';

it('waits for what a store is about to tell, and no longer than it is told to', async () => {
  const clock = new ManualClock();
  const store = new MemoryStore({ clock });
  const progress = new Progress(store, clock);

  const reached = progress.reach(() => progress.revision >= 2);
  const late = progress.reach(() => progress.revision >= 100, 3_000);
  await store.commit([{ type: 'put', key: '/a', value: new Uint8Array(1) }]);
  await clock.advance(3_000);

  expect([await reached, await late]).toEqual([true, false]);
  progress.close();
  await store.close();
});

it.each([
  { title: 'its own end', end: (progress: Progress) => progress.close() },
  { title: 'the end of the store', end: (_progress: Progress, store: MemoryStore) => store.close() },
])('lets nobody wait after $title', async ({ end }) => {
  const clock = new ManualClock();
  const store = new MemoryStore({ clock });
  const progress = new Progress(store, clock);
  const waiting = progress.reach(() => false);

  await end(progress, store);

  expect([await waiting, await progress.reach(() => false)]).toEqual([false, false]);
  progress.close();
  await store.close();
});
