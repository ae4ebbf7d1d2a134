import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@keelson/base';
import { ManualClock } from '@keelson/base/testing';
import type { Pod } from '@keelson/api/core/v1';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { MemoryRuntime } from '../testing/memory-runtime.ts';
import type { MeasurableVolume } from '../volumes/measurable-volumes.ts';
import { PodDisks } from './pod-disks.ts';
import { volumeMetrics } from './volume-metrics.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'volume-metrics-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const CLOCK = new ManualClock();
const POD: Pod = { metadata: { name: 'a', namespace: 'shop', uid: 'u' } };

function disksWith(volumes: readonly MeasurableVolume[]): PodDisks {
  const runtime = new MemoryRuntime(CLOCK);
  return new PodDisks({ runtime, clock: CLOCK, logger: silentLogger, view: () => undefined, volumes: async () => volumes });
}

it('tells once of the file system of a claim, however many pods use it, and of no other volume', async () => {
  const claimed = { name: 'v', path: root, by: 'file-system', isEphemeral: false, claim: 'data' } as const;
  const scratch = { name: 's', path: root, by: 'files', isEphemeral: true } as const;
  const gone = { ...claimed, path: join(root, 'gone'), claim: 'gone' };

  const claims = await disksWith([claimed, scratch, gone]).claims([POD, POD]);

  expect(claims).toMatchObject([{ namespace: 'shop', claim: 'data', fileSystem: { capacityBytes: expect.any(Number) } }]);
});

it('is shown by the names that dashboards and alerts use', () => {
  const fileSystem = { capacityBytes: 100, availableBytes: 60, usedBytes: 30, inodes: 10, inodesFree: 7 };

  const text = volumeMetrics([{ namespace: 'shop', claim: 'data', fileSystem }]);

  const labels = '{namespace="shop",persistentvolumeclaim="data"}';
  expect(text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))).toEqual([
    `kubelet_volume_stats_available_bytes${labels} 60`,
    `kubelet_volume_stats_capacity_bytes${labels} 100`,
    `kubelet_volume_stats_inodes${labels} 10`,
    `kubelet_volume_stats_inodes_free${labels} 7`,
    `kubelet_volume_stats_inodes_used${labels} 3`,
    `kubelet_volume_stats_used_bytes${labels} 30`,
  ]);
  expect(text).toContain('# TYPE kubelet_volume_stats_used_bytes gauge\n');
});
