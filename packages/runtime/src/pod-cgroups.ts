import { existsSync } from 'node:fs';
import { readdir, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KeelsonError } from '@keelson/base';
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
 * the cgroup is not to be found: for slices, for engines elsewhere, and without the right to. Sets what it can, and rejects with `InternalError`
 * if the kernel refuses something.
 */
export async function limitCgroup(parent: string, resources: ContainerResources, root = CGROUPS): Promise<void> {
  if (!parent.startsWith('/') || parent.includes('..')) return;
  const version = existsSync(join(root, 'cgroup.controllers')) ? 2 : 1;
  const refused: string[] = [];
  for (const { file, value, isLimit } of limitFiles(resources, version)) {
    const place = version === 1 ? join(root, file.split('.')[0] ?? '', parent) : join(root, parent);
    const error = await writeFile(join(place, file), value, { flag: 'r+' }).catch((reason: NodeJS.ErrnoException) => reason);
    const isMissing = error?.code === 'ENOENT' && !(isLimit && existsSync(place));
    if (error && !isMissing && !NOT_OURS.has(error.code ?? '')) refused.push(`${file} to ${value} (${error.code})`);
  }
  if (refused.length > 0)
    throw new KeelsonError('InternalError', `Cannot set limits of cgroup "${parent}": the kernel refused ${refused.join(', ')}`);
}

/** What somebody is told who may not write there at all. */
const NOT_OURS: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS']);
const MIN_WEIGHT = 1;
const MAX_WEIGHT = 10_000;

/** A file of a cgroup, and what is written into it. */
export interface LimitFile {
  /** Of version 1 the first part of the name is the hierarchy. */
  readonly file: string;
  readonly value: string;
  /** Otherwise there shall be none, and none is what there is without the file. */
  readonly isLimit: boolean;
}

/** Pure: what is written into which files. A limit that is none is lifted. */
export function limitFiles(resources: ContainerResources, version: 1 | 2): readonly LimitFile[] {
  const { cpuPeriodUs = 100_000, cpuQuotaUs = -1, cpuShares = 1024, memoryLimitBytes = -1 } = resources;
  // The kernels' two scales: 2..262144 and 1..10000.
  const weight = Math.min(MAX_WEIGHT, Math.max(MIN_WEIGHT, 1 + Math.floor(((cpuShares - 2) * 9999) / 262_142)));
  const hasQuota = cpuQuotaUs >= 0;
  const hasMemory = memoryLimitBytes >= 0;
  const isLimit = resources.cpuShares !== undefined;
  return version === 1
    ? [
        { file: 'cpu.shares', value: String(cpuShares), isLimit },
        { file: 'cpu.cfs_period_us', value: String(cpuPeriodUs), isLimit: hasQuota },
        { file: 'cpu.cfs_quota_us', value: String(cpuQuotaUs), isLimit: hasQuota },
        { file: 'memory.limit_in_bytes', value: String(memoryLimitBytes), isLimit: hasMemory },
      ]
    : [
        { file: 'cpu.weight', value: String(weight), isLimit },
        { file: 'cpu.max', value: `${hasQuota ? cpuQuotaUs : 'max'} ${cpuPeriodUs}`, isLimit: hasQuota },
        { file: 'memory.max', value: hasMemory ? String(memoryLimitBytes) : 'max', isLimit: hasMemory },
      ];
}

/** Removes a cgroup with all that are in it, in every hierarchy. What has a process stays, and so what it is in. */
export async function removeCgroupTree(path: string, root = CGROUPS): Promise<void> {
  const hierarchies = await readdir(root, { withFileTypes: true }).catch(() => []);
  const names = ['', ...hierarchies.filter((entry) => entry.isDirectory()).map(({ name }) => name)];
  await Promise.all(names.map((name) => removeTree(join(root, name, path))));
}

async function removeTree(path: string): Promise<void> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await removeTree(join(path, entry.name));
  await rmdir(path).catch(() => undefined);
}
