export type { Delete, Entry, Guard, Key, Put, RangeOptions, RangeResult, Revision, Store, StoreEvent, Write } from './store.ts';
