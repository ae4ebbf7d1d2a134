import { silentLogger, SystemClock, type Clock, type Logger } from '@keelson/base';

/** What every driver can be told. */
export interface StoreOptions {
  /** Drives expiry and the age of history. The system's clock if absent. */
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** The longest value that may be written, in bytes. 1.5 MiB if absent, which is etcd's default too. */
  readonly maxValueBytes?: number;
  /** By how many commits a watcher may be behind: when it starts, and while it catches up. 1,000,000 if absent. */
  readonly maxWatchLag?: number;
  /** For how long overwritten and deleted values can be read and watched. 5 minutes if absent; `Infinity`: until compacted by hand. */
  readonly historyMs?: number;
}

export const DEFAULT_HISTORY_MS = 5 * 60_000;

export function withDefaults(options: StoreOptions): Required<StoreOptions> {
  return {
    clock: options.clock ?? new SystemClock(),
    logger: options.logger ?? silentLogger,
    maxValueBytes: options.maxValueBytes ?? 1.5 * 1024 * 1024,
    maxWatchLag: options.maxWatchLag ?? 1_000_000,
    historyMs: options.historyMs ?? DEFAULT_HISTORY_MS,
  };
}
