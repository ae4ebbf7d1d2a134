import { readdir, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContainerResources } from './container-runtime.ts';

const CGROUPS = '/sys/fs/cgroup';

/**
 * The name of a pod's cgroup as the engine's driver wants it: a path for `cgroupfs`, a slice for `systemd`, whose name says where it is
 * (`a-b.slice` is in `a.slice`).
 */
export function cgroupParentFor(driver: string | undefined, root: string, path: string): string {
  const parts = [...root.split('/'), ...path.split('/')].filter((part) => part !== '');
  if (driver !== 'systemd') return `/${parts.join('/')}`;
  return `${parts.map((part) => part.replaceAll('-', '_')).join('-')}.slice`;
}

/**
 * Removes the cgroup that a pod's containers had, which the engine leaves behind, in every hierarchy. Does nothing for slices, for
 * engines elsewhere, and without the right to.
 */
export async function removeCgroup(parent: string): Promise<void> {
  if (!parent.startsWith('/') || parent.includes('..')) return;
  const hierarchies = await readdir(CGROUPS).catch((): string[] => []);
  const places = ['', ...hierarchies].map((hierarchy) => join(CGROUPS, hierarchy, parent));
  // Only an empty one can be removed: what still has a process or a child stays.
  await Promise.all(places.map((place) => rmdir(place).catch(() => undefined)));
}

/**
 * Sets the limits of a pod's cgroup as a whole, which the engine does not do: in version 1 or 2, whichever the kernel has. Does nothing where
 * the cgroup is not to be found: for slices, for engines elsewhere, and without the right to.
 */
export async function limitCgroup(parent: string, resources: ContainerResources): Promise<void> {
  if (!parent.startsWith('/') || parent.includes('..')) return;
  for (const [file, value] of limitFiles(resources)) {
    const [hierarchy = '', name = ''] = file.split('/');
    const path = name === '' ? join(CGROUPS, parent, hierarchy) : join(CGROUPS, hierarchy, parent, name);
    await writeFile(path, value, { flag: 'r+' }).catch(() => undefined);
  }
}

const MIN_WEIGHT = 1;
const MAX_WEIGHT = 10_000;

/** Pure: `hierarchy/file` of version 1, and plain files of version 2, with what is written into them. A limit that is none is lifted. */
export function limitFiles(resources: ContainerResources): (readonly [file: string, value: string])[] {
  const { cpuPeriodUs = 100_000, cpuQuotaUs, cpuShares, memoryLimitBytes } = resources;
  const quota = cpuQuotaUs ?? -1;
  const memory = memoryLimitBytes ?? -1;
  const shares = cpuShares ?? 1024;
  // The kernels' two scales: 2..262144 and 1..10000.
  const weight = Math.min(MAX_WEIGHT, Math.max(MIN_WEIGHT, 1 + Math.floor(((shares - 2) * 9999) / 262_142)));
  return [
    ['cpu/cpu.shares', String(shares)],
    ['cpu/cpu.cfs_period_us', String(cpuPeriodUs)],
    ['cpu/cpu.cfs_quota_us', String(quota)],
    ['memory/memory.limit_in_bytes', String(memory)],
    ['cpu.weight', String(weight)],
    ['cpu.max', `${quota < 0 ? 'max' : quota} ${cpuPeriodUs}`],
    ['memory.max', memory < 0 ? 'max' : String(memory)],
  ];
}
