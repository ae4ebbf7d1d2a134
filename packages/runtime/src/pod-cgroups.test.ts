import { expect, it } from 'vitest';
import { cgroupParentFor } from './pod-cgroups.ts';

it.each([
  { driver: 'cgroupfs', want: '/keelson/kubepods/burstable/pod1-2' },
  { driver: undefined, want: '/keelson/kubepods/burstable/pod1-2' },
  { driver: 'systemd', want: 'keelson-kubepods-burstable-pod1_2.slice' },
])('names a cgroup as the driver $driver does', ({ driver, want }) => {
  expect(cgroupParentFor(driver, '/keelson/', 'kubepods/burstable/pod1-2')).toBe(want);
});
