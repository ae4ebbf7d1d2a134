// Runs in a process of its own that must not write large files: commits until that fails, then tells what is there.
import { KeelsonError } from '@keelson/base';
import { LmdbStore } from '../lmdb-store.ts';

const [, , path = ''] = process.argv;
const store = await LmdbStore.open({ path });
const value = new Uint8Array(20_000).fill(97);
let acknowledged = 0;
let reason: string | undefined;
while (reason === undefined && acknowledged < 10_000) {
  const writes = Array.from({ length: 4 }, (_, i) => acknowledged + i).map((i) =>
    store.commit([
      { type: 'put', key: `/k/${i}/a`, value },
      { type: 'put', key: `/k/${i}/b`, value },
    ]),
  );
  for (const outcome of await Promise.allSettled(writes)) {
    if (outcome.status === 'fulfilled') acknowledged += 1;
    else reason = outcome.reason instanceof KeelsonError ? outcome.reason.reason : String(outcome.reason);
  }
}
const readable = (await store.range('/k/')).entries.length / 2;
// What needs no more room still works.
const afterwards = await store.commit([{ type: 'put', key: '/small', value: value.subarray(0, 10) }]);
await store.close();
process.stdout.write(JSON.stringify({ acknowledged, reason, readable, afterwards }));
