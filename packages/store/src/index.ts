export { DirectoryLock } from './directory-lock.ts';
export { LmdbStore, type Durability, type LmdbStoreOptions } from './lmdb-store.ts';
export { MemoryStore } from './memory-store.ts';
export { isMeasured, storeMetrics, type MeasuredStore } from './metrics.ts';
export type { StoreOptions } from './options.ts';
export { restoreSnapshot, saveSnapshot, snapshotStatus, type RestoreOptions, type SnapshotStatus } from './snapshot-file.ts';
export { LATENCY_BOUNDS_MS, type LatencyStats, type StoreStats } from './stats.ts';
export type { Delete, Entry, Guard, Key, Put, RangeOptions, RangeResult, Revision, Store, StoreEvent, Write } from './store.ts';
export { STORE } from './tokens.ts';
