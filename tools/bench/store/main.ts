// Measures the LMDB store: durable commits, reads, watches, each beside what the disk, the bare database and etcd (if it is installed)
// do in the same run. Wall-clock figures are those of the machine at that moment; "cpu" is the processor time of this process, all
// threads, or that of etcd without its client. The last lines say how many times as fast the store is as etcd.
// Usage: npm run bench -- store [seconds for each measurement]
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { LmdbStore, type Revision } from '@keelson/store';
import { open } from 'lmdb';
import { measureEtcd, type Rates } from './beside-etcd.ts';
import { measureManyKeys } from './many-keys.ts';
import { measure, medianRate, print, show, type Load } from './load.ts';

// Not the system's directory for temporary files: that is memory on many machines.
const directory = mkdtempSync(join(process.cwd(), '.bench-store-'));
let places = 0;

function openStore(durability: 'commit' | 'none'): Promise<LmdbStore> {
  return LmdbStore.open({ path: join(directory, `${places++}`), durability });
}

async function measureDisk(): Promise<void> {
  const file = openSync(join(directory, 'disk'), 'w');
  for (const [title, bytes, moves] of [
    ['disk: overwrite 4 KiB + fdatasync', 4096, false],
    ['disk: append 16 x 8 KiB + fdatasync', 16 * 8192, true],
    ['disk: append 256 x 8 KiB + fdatasync', 256 * 8192, true],
  ] as const) {
    const data = Buffer.alloc(bytes, 1);
    let end = 0;
    const load = await measure(1, async () => {
      writeSync(file, data, 0, bytes, moves ? (end += bytes) : 0);
      fdatasyncSync(file);
    });
    print(title, show(load));
  }
  closeSync(file);
}

/** Updates as an API server does them: guarded by the revision that was read. */
async function measureCommits(writers: number, bytes: number): Promise<Load> {
  const store = await openStore('commit');
  const value = Buffer.alloc(bytes, 'v');
  const revisions = new Map<string, Revision>();
  const before = store.stats();
  const load = await measure(writers, async (writer, round) => {
    const key = `/registry/pods/default/web-${writer}-${round % 50}`;
    const guards = [{ key, revision: revisions.get(key) ?? 0 }];
    revisions.set(key, await store.commit([{ type: 'put', key, value }], guards));
  });
  const { commits, batches } = store.stats();
  print(
    `store: ${writers} writers x ${bytes} B, durable`,
    `${show(load)}  ${(commits / (batches - before.batches)).toFixed(1)} a sync`,
  );
  await store.close();
  return load;
}

async function measureProcessor(): Promise<void> {
  const store = await openStore('none');
  const value = Buffer.alloc(5000, 'v');
  const load = await measure(64, (writer, round) =>
    store.commit([{ type: 'put', key: `/registry/pods/default/web-${writer}-${round % 50}`, value }]),
  );
  print('store: 64 writers x 5000 B, not synced', show(load));
  await store.close();
}

async function measureBareDatabase(): Promise<Pick<Rates, 'gets' | 'ranges'>> {
  const root = open({ path: join(directory, 'bare.mdb'), encoding: 'binary', overlappingSync: false, mapSize: 64 * 1024 ** 3 });
  const value = Buffer.alloc(5000, 'v');
  for (const puts of [1, 16, 256]) {
    const load = await measure(1, (_, round) =>
      root.transaction(() => {
        for (let i = 0; i < puts; i++) root.putSync(`/registry/pods/default/web-${i}-${round % 50}`, value);
      }),
    );
    const each = { ...load, perSecond: load.perSecond * puts, cpuMicros: load.cpuMicros / puts };
    print(`lmdb: ${puts} puts x 5000 B a transaction`, show(each));
  }
  await root.transaction(() => {
    for (let i = 0; i < 5000; i++) root.putSync(`/p/${String(i).padStart(5, '0')}`, value);
  });
  const get = await measure(1, async (_, round) => {
    for (let i = 0; i < 1000; i++) root.get(`/p/${String((round * 1000 + i * 7) % 5000).padStart(5, '0')}`);
  });
  print('lmdb: get 5000 B', `${get.p50Ms.toFixed(2)} us`);
  const range = await measure(1, async () => [...root.getRange({ start: '/p/', end: '/p0' })].length);
  print('lmdb: range 5000 x 5000 B', `p50 ${range.p50Ms.toFixed(2)} ms`);
  await root.close();
  return { gets: medianRate(get) * 1000, ranges: medianRate(range) };
}

async function measureReads(): Promise<Omit<Rates, 'puts'>> {
  const store = await openStore('none');
  const value = Buffer.alloc(5000, 'v');
  const key = (i: number): string => `/p/${String(i).padStart(5, '0')}`;
  for (let i = 0; i < 5000; i += 100) {
    await store.commit(Array.from({ length: 100 }, (_, k) => ({ type: 'put', key: key(i + k), value })));
  }
  const old = await store.revision();
  const thousand = (read: (i: number) => Promise<unknown>): Promise<Load> =>
    measure(1, async (_, round) => {
      for (let i = 0; i < 1000; i++) await read((round * 1000 + i * 7) % 5000);
    });
  const micros = ({ p50Ms }: Load): string => `${p50Ms.toFixed(2)} us`;
  print('store: revision', micros(await thousand(() => store.revision())));
  const get = await thousand((i) => store.get(key(i)));
  print('store: get 5000 B', micros(get));
  await store.commit([{ type: 'put', key: key(1), value }]);
  print('store: get 5000 B at an old revision', micros(await thousand((i) => store.get(key(i), old))));
  const range = await measure(1, () => store.range('/p/'));
  print('store: range 5000 x 5000 B', `p50 ${range.p50Ms.toFixed(2)} ms  p99 ${range.p99Ms.toFixed(2)} ms`);
  const page = await measure(1, () => store.range('/p/', { limit: 500 }));
  print('store: page of 500 out of 5000 x 5000 B', `p50 ${page.p50Ms.toFixed(2)} ms`);
  const past = await measure(1, () => store.range('/p/', { at: old }));
  print('store: range 5000 x 5000 B at an old revision', `p50 ${past.p50Ms.toFixed(2)} ms`);
  await store.close();
  return { gets: medianRate(get) * 1000, ranges: medianRate(range), pages: medianRate(page) };
}

/** How many times as fast the store is, and is meant to be. */
function printRatios(store: Rates, etcd: Rates): void {
  const rows = [
    ['puts of 1000 B, 256 writers', 'puts', 3],
    ['gets of 5000 B', 'gets', 10],
    ['ranges of 5000 x 5000 B', 'ranges', 10],
    ['pages of 500 x 5000 B', 'pages', 10],
  ] as const;
  for (const [title, rate, aim] of rows) {
    print(`store / etcd: ${title}`, `${(store[rate] / etcd[rate]).toFixed(1)} (aim: ${aim})`);
  }
}

async function measureWatches(watchers: number): Promise<void> {
  const store = await openStore('none');
  const value = Buffer.alloc(5000, 'v');
  let events = 0;
  const after = await store.revision();
  for (let i = 0; i < watchers; i++) {
    const prefix = i % 10 === 0 ? '/registry/pods/' : `/registry/pods/namespace-${i}/`;
    store.watch(prefix, after).subscribe(() => (events += 1));
  }
  const load = await measure(64, (writer, round) =>
    store.commit([{ type: 'put', key: `/registry/pods/namespace-${writer}/web-${round % 50}`, value }]),
  );
  const { commits } = store.stats();
  print(`store: ${watchers} watchers, ${(events / commits).toFixed(0)} of them concerned`, show(load));
  await store.close();
}

try {
  await measureDisk();
  const bare = await measureBareDatabase();
  let last: Load | undefined;
  let puts = 0;
  for (const bytes of [1000, 5000]) {
    for (const writers of [1, 256, 16]) {
      last = await measureCommits(writers, bytes);
      if (writers === 256 && bytes === 1000) puts = last.perSecond;
    }
  }
  const etcd = await measureEtcd(directory);
  await measureProcessor();
  const reads = await measureReads();
  for (const watchers of [0, 100, 1000]) await measureWatches(watchers);
  await measureManyKeys(join(directory, 'many'));
  print('store / lmdb: gets of 5000 B', `${(reads.gets / bare.gets).toFixed(2)} (aim: 0.5)`);
  print('store / lmdb: ranges of 5000 x 5000 B', `${(reads.ranges / bare.ranges).toFixed(2)} (aim: 0.5)`);
  if (etcd) printRatios({ puts, ...reads }, etcd);
  if (last) {
    const { p50Ms, p99Ms, perSecond, cpuMicros } = last;
    const figures = `p50=${p50Ms.toFixed(2)} ms p99=${p99Ms.toFixed(2)} ms rate=${perSecond.toFixed(0)}/s cpu=${cpuMicros.toFixed(0)} us`;
    process.stdout.write(`store: ${figures}\n`);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
