import { LATENCY_BOUNDS_MS, type StoreStats } from './stats.ts';
import type { Store } from './store.ts';

/** A store that says how it is doing. */
export interface MeasuredStore extends Store {
  stats(): StoreStats;
}

export function isMeasured(store: Store): store is MeasuredStore {
  return 'stats' in store && typeof store.stats === 'function';
}

type Row = readonly [name: string, type: 'counter' | 'gauge', help: string, read: (stats: StoreStats) => number];

const ROWS: readonly Row[] = [
  [
    'apiserver_storage_size_bytes',
    'gauge',
    'Size of the storage database file physically allocated in bytes.',
    (stats) => stats.fileBytes,
  ],
  [
    'keelson_store_history_bytes',
    'gauge',
    'What overwritten and deleted values take that are still kept.',
    (stats) => stats.historyBytes,
  ],
  ['keelson_store_revision', 'gauge', 'The newest revision.', (stats) => stats.revision],
  ['keelson_store_compacted_revision', 'gauge', 'Revisions before this one cannot be read any more.', (stats) => stats.compacted],
  ['keelson_store_watchers', 'gauge', 'Watches that are open.', (stats) => stats.watchers],
  ['keelson_store_commits_total', 'counter', 'Commits that took effect.', (stats) => stats.commits],
  ['keelson_store_conflicts_total', 'counter', 'Commits refused because a guard did not hold.', (stats) => stats.conflicts],
  [
    'keelson_store_batches_total',
    'counter',
    'Transactions of the database, each with all commits that waited.',
    (stats) => stats.batches,
  ],
  ['keelson_store_syncs_total', 'counter', 'How often the disk was waited for.', (stats) => stats.syncs],
  [
    'keelson_store_written_bytes_total',
    'counter',
    'Bytes of keys and values that commits brought.',
    (stats) => stats.bytesWritten,
  ],
];

/** The figures of a store in Prometheus' text format. */
export function storeMetrics(stats: StoreStats): string {
  const lines: string[] = [];
  for (const [name, type, help, read] of ROWS)
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, `${name} ${read(stats)}`);
  const name = 'keelson_store_commit_duration_seconds';
  lines.push(`# HELP ${name} From the call of a commit until it resolved.`, `# TYPE ${name} histogram`);
  const { count, sumMs, counts } = stats.commitLatency;
  let total = 0;
  for (const [index, boundMs] of LATENCY_BOUNDS_MS.entries()) {
    total += counts[index] ?? 0;
    lines.push(`${name}_bucket{le="${boundMs / 1000}"} ${total}`);
  }
  lines.push(`${name}_bucket{le="+Inf"} ${count}`, `${name}_sum ${sumMs / 1000}`, `${name}_count ${count}`, '');
  return lines.join('\n');
}
