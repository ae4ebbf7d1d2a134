import type { ContainerResources } from '@keelson/runtime';

/** A file of a cgroup, and what is written to it. Of version 1 the first part of the name is the hierarchy. */
export type CgroupSetting = readonly [file: string, value: string];

const MAX_WEIGHT = 10_000;
const MAX_SHARES = 262_144;

/** In the order in which they can be written, save that a memory limit that grows needs the last one of its pair first. */
export function settingsOf(resources: ContainerResources, version: 1 | 2): readonly CgroupSetting[] {
  return version === 1 ? version1(resources) : version2(resources);
}

function version1({ cpuShares, cpuQuotaUs, cpuPeriodUs, memoryLimitBytes = 0 }: ContainerResources): readonly CgroupSetting[] {
  return [
    ...setting('cpu.shares', cpuShares),
    ...setting('cpu.cfs_period_us', cpuPeriodUs),
    ...setting('cpu.cfs_quota_us', cpuQuotaUs),
    ...(memoryLimitBytes > 0 ? setting('memory.limit_in_bytes', memoryLimitBytes) : []),
  ];
}

function version2({ cpuShares, cpuQuotaUs, cpuPeriodUs, memoryLimitBytes = 0 }: ContainerResources): readonly CgroupSetting[] {
  const quota = cpuQuotaUs === undefined || cpuQuotaUs < 0 ? 'max' : cpuQuotaUs;
  return [
    ...setting('cpu.weight', cpuShares === undefined ? undefined : weightOf(cpuShares)),
    ...setting('cpu.max', cpuQuotaUs === undefined ? undefined : `${quota} ${cpuPeriodUs ?? 100_000}`),
    ...(memoryLimitBytes > 0 ? setting('memory.max', memoryLimitBytes) : []),
    // Without swap: with it a container could use more than its limit.
    ...(memoryLimitBytes > 0 ? setting('memory.swap.max', 0) : []),
  ];
}

function setting(file: string, value: number | string | undefined): readonly CgroupSetting[] {
  return value === undefined ? [] : [[file, String(value)]];
}

/** The range of shares, 2 to 262144, onto that of weights, as runtimes do it. */
export function weightOf(shares: number): number {
  const bounded = Math.min(MAX_SHARES, Math.max(2, shares));
  return 1 + Math.floor(((bounded - 2) * (MAX_WEIGHT - 1)) / (MAX_SHARES - 2));
}
