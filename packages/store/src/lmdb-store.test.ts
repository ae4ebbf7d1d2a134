import { LmdbStore } from './lmdb-store.ts';
import { describeStoreContract } from './testing.ts';

describeStoreContract('LmdbStore', ({ place, ...options }) => LmdbStore.open({ path: place, durability: 'none', ...options }), {
  durable: true,
});
