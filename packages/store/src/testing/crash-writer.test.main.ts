// Runs in a process of its own, which is killed: writes concurrently and prints each commit that has been acknowledged.
import { writeSync } from 'node:fs';
import { LmdbStore } from '../lmdb-store.ts';

const [, , path = '', round = '0'] = process.argv;
const store = await LmdbStore.open({ path });
writeSync(1, 'ready\n');

/** Each commit writes two keys, which must be found together, and one that all commits of a writer share. */
async function write(writer: number): Promise<never> {
  for (let i = 0; ; i++) {
    const id = `${round}-${writer}-${i}`;
    const value = Buffer.from(id.padEnd(1 + ((i * 997) % 6000)));
    const revision = await store.commit([
      { type: 'put', key: `/left/${id}`, value },
      { type: 'put', key: `/shared/${writer}`, value },
      { type: 'put', key: `/right/${id}`, value },
    ]);
    writeSync(1, `${revision} ${id}\n`);
    if (i % 50 === 49 && writer === 0) await store.compact(revision - 20);
  }
}

await Promise.all(Array.from({ length: 16 }, (_, writer) => write(writer)));
