// What an etcd on the same disk does with the same work, in the same run.
import { join } from 'node:path';
import { EtcdStore } from '@keelson/store-etcd';
import { Etcd } from './etcd.ts';
import { measure, medianRate, print, show, type Load } from './load.ts';

const VALUE = 5_000;
const ENTRIES = 5_000;

/** Operations a second: puts on the average, reads by their median, which other work on the machine disturbs less. */
export interface Rates {
  readonly puts: number;
  readonly gets: number;
  readonly ranges: number;
  readonly pages: number;
}

/** Undefined if etcd is not installed. */
export async function measureEtcd(directory: string): Promise<Rates | undefined> {
  await using etcd = await Etcd.start(join(directory, 'etcd'));
  if (!etcd) {
    print('etcd', 'not measured: it is not installed');
    return undefined;
  }
  let puts = 0;
  for (const bytes of [1000, VALUE]) {
    for (const writers of [1, 256, 16]) {
      const load = await measureUpdates(etcd, writers, bytes);
      print(`etcd: ${writers} writers x ${bytes} B, durable`, show(load));
      if (writers === 256 && bytes === 1000) puts = load.perSecond;
    }
  }
  const reads = await measureReads(etcd);
  await measureDriver(etcd);
  return { puts, ...reads };
}

function measureUpdates(etcd: Etcd, writers: number, bytes: number): Promise<Load> {
  const value = Buffer.alloc(bytes, 'v');
  const revisions = new Map<string, number>();
  const update = async (writer: number, round: number): Promise<void> => {
    const key = `/registry/pods/default/web-${bytes}-${writers}-${writer}-${round % 50}`;
    revisions.set(key, await etcd.update(key, value, revisions.get(key) ?? 0));
  };
  return measure(writers, update, etcd.pid);
}

async function measureReads(etcd: Etcd): Promise<Omit<Rates, 'puts'>> {
  const value = Buffer.alloc(VALUE, 'v');
  const key = (i: number): string => `/p/${String(i).padStart(5, '0')}`;
  const keys = Array.from({ length: ENTRIES }, (_, i) => key(i));
  const work = async (): Promise<void> => {
    for (let next = keys.pop(); next !== undefined; next = keys.pop()) await etcd.update(next, value, 0);
  };
  await Promise.all(Array.from({ length: 64 }, work));
  const one = await measure(1, (_, round) => etcd.get(key((round * 7) % ENTRIES)), etcd.pid);
  print(`etcd: get ${VALUE} B`, show(one));
  const many = await measure(64, (worker, round) => etcd.get(key((round * 64 + worker) % ENTRIES)), etcd.pid);
  print(`etcd: 64 x get ${VALUE} B`, show(many));
  const range = await measure(1, () => etcd.range('/p/', '/p0'), etcd.pid);
  print(`etcd: range ${ENTRIES} x ${VALUE} B`, show(range));
  const page = await measure(1, () => etcd.range('/p/', '/p0', 500), etcd.pid);
  print(`etcd: page of 500 out of ${ENTRIES} x ${VALUE} B`, show(page));
  // For gets at its best: many at a time.
  return { gets: Math.max(medianRate(one), many.perSecond), ranges: medianRate(range), pages: medianRate(page) };
}

/** What this process spends on it, by the driver: a write comes back as an event, too. */
async function measureDriver(etcd: Etcd): Promise<void> {
  const store = await EtcdStore.open({ endpoints: [etcd.endpoint] });
  const value = Buffer.alloc(1000, 'v');
  const writes = await measure(64, (writer, round) =>
    store.commit([{ type: 'put', key: `/driver/${writer}-${round % 50}`, value }]),
  );
  print('etcd by the driver: 64 writers x 1000 B', show(writes));
  const reads = await measure(64, (writer) => store.get(`/driver/${writer}-0`));
  print('etcd by the driver: 64 x get 1000 B', show(reads));
  const range = await measure(1, () => store.range('/p/'));
  print(`etcd by the driver: range ${ENTRIES} x ${VALUE} B`, show(range));
  await store.close();
}
