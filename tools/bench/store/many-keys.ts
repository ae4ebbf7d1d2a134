import { statSync } from 'node:fs';
import { join } from 'node:path';
import { LmdbStore } from '@keelson/store';
import { measure, print, show } from './load.ts';

const KEYS = 1_000_000;
const BATCH = 500;
const VALUE_BYTES = 1000;
const MIB = 1024 * 1024;

const key = (i: number): string => `/registry/pods/namespace-${i % 1000}/web-${String(i).padStart(7, '0')}`;

/** What a store costs that has a million keys: to fill, to open, to read and to write. */
export async function measureManyKeys(path: string): Promise<void> {
  const value = Buffer.alloc(VALUE_BYTES, 'v');
  const first = await LmdbStore.open({ path, durability: 'none' });
  const beganMs = performance.now();
  for (let at = 0; at < KEYS; at += BATCH) {
    await first.commit(Array.from({ length: BATCH }, (_, i) => ({ type: 'put', key: key(at + i), value })));
  }
  print(`store: ${KEYS} keys x ${VALUE_BYTES} B, filled`, `${((performance.now() - beganMs) / 1000).toFixed(1)} s`);
  await first.close();
  const openedMs = performance.now();
  const store = await LmdbStore.open({ path, durability: 'none' });
  const sizeMib = statSync(join(path, 'store.mdb')).size / MIB;
  print(`store: ${KEYS} keys, opened`, `${(performance.now() - openedMs).toFixed(1)} ms, file ${sizeMib.toFixed(0)} MiB`);
  const random = (worker: number, round: number): string => key((worker * 7919 + round * 104_729) % KEYS);
  print(`store: ${KEYS} keys, get`, show(await measure(1, (worker, round) => store.get(random(worker, round)))));
  const page = { limit: 500 } as const;
  print(`store: ${KEYS} keys, page of 500`, show(await measure(1, () => store.range('/registry/pods/', page))));
  const one = show(await measure(1, (_, round) => store.range(`/registry/pods/namespace-${round % 1000}/`)));
  print(`store: ${KEYS} keys, a namespace of 1,000`, one);
  const puts = await measure(64, (worker, round) => store.commit([{ type: 'put', key: random(worker, round), value }]));
  print(`store: ${KEYS} keys, 64 writers, not synced`, show(puts));
  await store.close();
}
