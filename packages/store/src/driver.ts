/** Parts that drivers of a `Store` share: for those who write one. */
export { Counters } from './internal/counters.ts';
export { HistoryKeeper, type HistoryKeeperOptions } from './internal/history-keeper.ts';
export {
  checkCommit,
  checkKey,
  checkRangeOptions,
  checkReadable,
  checkRevision,
  closedError,
  compareKeys,
  conflict,
  expired,
} from './internal/keys.ts';
export {
  keyOf,
  WatchHub,
  type Commit,
  type CommitHistory,
  type HistoryPiece,
  type WatchHubOptions,
} from './internal/watch-hub.ts';
export { withDefaults } from './options.ts';
