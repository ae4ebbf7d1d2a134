export { DirectoryLock } from './directory-lock.ts';
export { LmdbStore, type LmdbStoreOptions } from './lmdb-store.ts';
export { MemoryStore } from './memory-store.ts';
export type { StoreOptions } from './options.ts';
export { LATENCY_BOUNDS_MS, type LatencyStats, type StoreStats } from './stats.ts';
export type { Delete, Entry, Guard, Key, Put, RangeOptions, RangeResult, Revision, Store, StoreEvent, Write } from './store.ts';
export { STORE } from './tokens.ts';
