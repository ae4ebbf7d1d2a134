import { expect, it } from 'vitest';
import { MemoryStore } from './memory-store.ts';
import { isMeasured, storeMetrics } from './metrics.ts';
import { put } from './testing/harness.ts';

it('writes the figures of a store in the text format of Prometheus', async () => {
  const store = new MemoryStore();
  await store.commit([put('/a', '12345')]);
  await store.commit([put('/a', '1')]);
  await store.commit([], [{ key: '/a', revision: 1 }]).catch(() => undefined);

  const lines = storeMetrics(store.stats()).split('\n');

  expect(isMeasured(store)).toBe(true);
  expect(lines).toEqual(
    expect.arrayContaining([
      '# TYPE keelson_store_commits_total counter',
      'keelson_store_commits_total 2',
      'keelson_store_conflicts_total 1',
      'keelson_store_history_bytes 5',
      'keelson_store_revision 3',
      'keelson_store_commit_duration_seconds_bucket{le="+Inf"} 2',
      'keelson_store_commit_duration_seconds_count 2',
    ]),
  );
  await store.close();
});
