import { expect, it } from 'vitest';
import { cgroupParentFor, limitFiles } from './pod-cgroups.ts';

it.each([
  { driver: 'cgroupfs', want: '/keelson/kubepods/burstable/pod1-2' },
  { driver: undefined, want: '/keelson/kubepods/burstable/pod1-2' },
  { driver: 'systemd', want: 'keelson-kubepods-burstable-pod1_2.slice' },
])('names a cgroup as the driver $driver does', ({ driver, want }) => {
  expect(cgroupParentFor(driver, '/keelson/', 'kubepods/burstable/pod1-2')).toBe(want);
});

it.each([
  {
    resources: { cpuShares: 1024, cpuQuotaUs: 50_000, cpuPeriodUs: 100_000, memoryLimitBytes: 1_048_576 },
    want: ['1024', '100000', '50000', '1048576', '39', '50000 100000', '1048576'],
  },
  { resources: { cpuShares: 2 }, want: ['2', '100000', '-1', '-1', '1', 'max 100000', 'max'] },
  { resources: { cpuShares: 262_144 }, want: ['262144', '100000', '-1', '-1', '10000', 'max 100000', 'max'] },
])('writes $resources for both versions of cgroups', ({ resources, want }) => {
  expect(limitFiles(resources).map(([, value]) => value)).toEqual(want);
});
