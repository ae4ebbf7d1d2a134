import type { Pod } from '@keelson/api/core/v1';
import type { MachineStats } from '@keelson/runtime';

/** What something uses, as of a moment. Counters begin with the container, or with the machine. */
export interface Usage extends MachineStats {
  /** How many billionths of a core it used lately; absent until it was looked at twice. */
  readonly cpuNanoCores?: number;
}

export interface ContainerUsage {
  readonly name: string;
  readonly id: string;
  readonly image: string;
  readonly startedAtMs: number;
  readonly usage: Usage;
}

export interface PodUsage {
  readonly pod: Pod;
  /** Those that run. */
  readonly containers: readonly ContainerUsage[];
  /** Of all of them together. */
  readonly usage: Usage;
}

/** One look at what the pods of a node, and the node itself, use. */
export interface NodeUsage {
  readonly atMs: number;
  readonly node: Usage;
  /** Those with a container that runs. */
  readonly pods: readonly PodUsage[];
}

/** What several use together. */
export function sumOf(parts: readonly Usage[], atMs: number): Usage {
  const sum = (of: (part: Usage) => number): number => parts.reduce((total, part) => total + of(part), 0);
  // Only what is known of each of them can be summed up.
  const known = <K extends keyof Usage>(name: K): Partial<Record<K, number>> =>
    parts.every((part) => part[name] !== undefined) ? ({ [name]: sum((part) => part[name] ?? 0) } as Record<K, number>) : {};
  return {
    atMs: parts.reduce((newest, part) => Math.max(newest, part.atMs), parts.length === 0 ? atMs : 0),
    cpuUsageNanoSeconds: sum((part) => part.cpuUsageNanoSeconds),
    memoryUsageBytes: sum((part) => part.memoryUsageBytes),
    memoryWorkingSetBytes: sum((part) => part.memoryWorkingSetBytes),
    ...known('cpuNanoCores'),
    ...known('memoryRssBytes'),
    ...known('pageFaults'),
    ...known('majorPageFaults'),
  };
}
