import { MemoryStore } from './memory-store.ts';
import { describeStoreContract } from './testing.ts';

describeStoreContract('MemoryStore', (options) => new MemoryStore(options), { durable: false });
