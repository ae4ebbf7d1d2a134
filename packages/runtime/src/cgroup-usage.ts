import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface CgroupUsage {
  readonly cpuUsageNanoSeconds: number;
  readonly memoryUsageBytes: number;
  readonly memoryInactiveFileBytes: number;
  readonly memoryRssBytes: number;
  readonly pageFaults: number;
  readonly majorPageFaults: number;
}

/** Where the kernel shows cgroups. */
const CGROUPS = '/sys/fs/cgroup';

/**
 * What a container uses, out of its cgroup's files: quicker by far than the engine, which takes up to a second for each. `undefined` where
 * there are none: on another machine, or with slices. The container's id is part of the path, so another's are never read.
 */
export async function cgroupUsage(parent: string, containerId: string, root = CGROUPS): Promise<CgroupUsage | undefined> {
  const path = join(parent, containerId);
  try {
    return await version1(root, path);
  } catch {
    return version2(root, path).catch(() => undefined);
  }
}

async function version1(root: string, path: string): Promise<CgroupUsage> {
  const [cpu, memory, stat] = await Promise.all([
    readFile(join(root, 'cpuacct', path, 'cpuacct.usage'), 'utf8'),
    readFile(join(root, 'memory', path, 'memory.usage_in_bytes'), 'utf8'),
    readFile(join(root, 'memory', path, 'memory.stat'), 'utf8'),
  ]);
  return {
    cpuUsageNanoSeconds: Number(cpu),
    memoryUsageBytes: Number(memory),
    memoryInactiveFileBytes: field(stat, 'total_inactive_file'),
    memoryRssBytes: field(stat, 'total_rss'),
    pageFaults: field(stat, 'total_pgfault'),
    majorPageFaults: field(stat, 'total_pgmajfault'),
  };
}

async function version2(root: string, path: string): Promise<CgroupUsage> {
  const [cpu, memory, stat] = await Promise.all(
    ['cpu.stat', 'memory.current', 'memory.stat'].map((file) => readFile(join(root, path, file), 'utf8')),
  );
  return {
    cpuUsageNanoSeconds: field(cpu, 'usage_usec') * 1000,
    memoryUsageBytes: Number(memory),
    memoryInactiveFileBytes: field(stat, 'inactive_file'),
    memoryRssBytes: field(stat, 'anon'),
    pageFaults: field(stat, 'pgfault'),
    majorPageFaults: field(stat, 'pgmajfault'),
  };
}

/** Of a file with a name and a number on each line; 0 if it is not in it. */
function field(text: string | undefined, name: string): number {
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text ?? '')?.[1] ?? 0);
}
