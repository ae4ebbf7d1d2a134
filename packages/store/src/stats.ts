import type { Revision } from './store.ts';

/** Upper bounds of the classes of `LatencyStats.counts`, in milliseconds. */
export const LATENCY_BOUNDS_MS: readonly number[] = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500];

export interface LatencyStats {
  readonly count: number;
  readonly sumMs: number;
  readonly maxMs: number;
  /** How many took at most `LATENCY_BOUNDS_MS[i]` and more than the bound before; the last item counts what took longer than all. */
  readonly counts: readonly number[];
}

/** Figures of one opened store. Counts begin at 0 when it is opened and only grow, but for `watchers`. */
export interface StoreStats {
  readonly revision: Revision;
  /** Revisions before this one cannot be read any more. */
  readonly compacted: Revision;
  readonly commits: number;
  /** Commits that were refused because a guard did not hold. */
  readonly conflicts: number;
  /** Transactions of the database; each carries all commits that were waiting. */
  readonly batches: number;
  /** How often the driver waited for the disk. */
  readonly syncs: number;
  /** Bytes of keys and values that commits brought. */
  readonly bytesWritten: number;
  readonly watchers: number;
  /** How large the file is; 0 if there is none. */
  readonly fileBytes: number;
  /** How much of it, or of memory, overwritten and deleted values take. */
  readonly historyBytes: number;
  /** From the call of `commit` until it resolved. */
  readonly commitLatency: LatencyStats;
}
