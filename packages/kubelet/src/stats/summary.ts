import { formatTime } from '@keelson/api';
import type { Pod } from '@keelson/api/core/v1';
import { containerResources } from '../pod/resources.ts';
import { allContainers } from '../pod/pod-facts.ts';
import type { FileSystemUsage, NetworkUsage, ProcessCount } from './machine.ts';
import type { ContainerUsage, NodeUsage, PodUsage, Usage } from './usage.ts';

/** What is known of the machine beside CPU and memory. Absent where the machine is simulated, or cannot tell. */
export interface MachineFacts {
  readonly fileSystem?: FileSystemUsage | undefined;
  readonly network?: readonly NetworkUsage[] | undefined;
  readonly processes?: ProcessCount | undefined;
  /** What all images take. */
  readonly imageBytes?: number | undefined;
}

export interface SummaryInput {
  readonly nodeName: string;
  readonly startedAtMs: number;
  readonly memoryCapacityBytes: number;
  readonly usage: NodeUsage;
  readonly machine: MachineFacts;
}

/** `/stats/summary`: the `Summary` of `stats/v1alpha1`. */
export function summaryOf(input: SummaryInput): object {
  return { node: nodeSummary(input), pods: input.usage.pods.map((pod) => podSummary(pod, input.usage.atMs)) };
}

function nodeSummary({ nodeName, startedAtMs, usage, machine, memoryCapacityBytes }: SummaryInput): object {
  const { atMs, node } = usage;
  const { fileSystem, imageBytes, network, processes } = machine;
  const time = formatTime(atMs);
  return {
    nodeName,
    startTime: formatTime(startedAtMs),
    cpu: cpuOf(node),
    memory: memoryOf(node, memoryCapacityBytes),
    ...(network?.[0] && { network: { time, ...network[0], interfaces: network } }),
    ...(fileSystem && { fs: fileSystemOf(fileSystem, time) }),
    ...(fileSystem && {
      runtime: {
        imageFs: { ...fileSystemOf(fileSystem, time), usedBytes: imageBytes ?? 0 },
        containerFs: fileSystemOf(fileSystem, time),
      },
    }),
    ...(processes && { rlimit: { time, maxpid: processes.max, curproc: processes.current } }),
  };
}

function podSummary({ pod, containers, usage }: PodUsage, atMs: number): object {
  const { name, namespace, uid } = pod.metadata ?? {};
  const limits = containers.map((each) => memoryLimitOf(pod, each));
  const limit = limits.every((each) => each !== undefined) ? limits.reduce((sum, each) => sum + each, 0) : undefined;
  return {
    podRef: { name, namespace, uid },
    startTime: pod.status?.startTime ?? formatTime(atMs),
    containers: containers.map((each) => ({
      name: each.name,
      startTime: formatTime(each.startedAtMs),
      cpu: cpuOf(each.usage),
      memory: memoryOf(each.usage, memoryLimitOf(pod, each)),
    })),
    cpu: cpuOf(usage),
    memory: memoryOf(usage, limit),
  };
}

function memoryLimitOf(pod: Pod, { name }: ContainerUsage): number | undefined {
  const found = allContainers(pod.spec ?? { containers: [] }).find((each) => each.name === name);
  return found && containerResources(pod, found, 0).memoryLimitBytes;
}

function cpuOf({ atMs, cpuNanoCores, cpuUsageNanoSeconds }: Usage): object {
  return {
    time: formatTime(atMs),
    ...(cpuNanoCores !== undefined && { usageNanoCores: cpuNanoCores }),
    usageCoreNanoSeconds: cpuUsageNanoSeconds,
  };
}

function memoryOf(usage: Usage, limitBytes: number | undefined): object {
  const { atMs, memoryRssBytes, memoryUsageBytes, memoryWorkingSetBytes, pageFaults, majorPageFaults } = usage;
  return {
    time: formatTime(atMs),
    ...(limitBytes !== undefined && { availableBytes: Math.max(0, limitBytes - memoryWorkingSetBytes) }),
    usageBytes: memoryUsageBytes,
    workingSetBytes: memoryWorkingSetBytes,
    ...(memoryRssBytes !== undefined && { rssBytes: memoryRssBytes }),
    ...(pageFaults !== undefined && { pageFaults }),
    ...(majorPageFaults !== undefined && { majorPageFaults }),
  };
}

function fileSystemOf({ inodes, inodesFree, ...bytes }: FileSystemUsage, time: string): object {
  return { time, ...bytes, inodes, inodesFree, inodesUsed: inodes - inodesFree };
}
