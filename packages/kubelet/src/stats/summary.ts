import { formatTime } from '@keelson/api';
import type { Pod } from '@keelson/api/core/v1';
import type { DiskUsage, InterfaceUsage } from '@keelson/runtime';
import { containerResources } from '../pod/resources.ts';
import { allContainers } from '../pod/pod-facts.ts';
import type { FileSystemUsage, ProcessCount } from './machine.ts';
import type { PodDisk, VolumeDisk } from './pod-disks.ts';
import type { ContainerUsage, NodeUsage, PodUsage, Usage } from './usage.ts';

/** What is known of the machine beside CPU and memory. Absent where the machine is simulated, or cannot tell. */
export interface MachineFacts {
  readonly fileSystem?: FileSystemUsage | undefined;
  readonly network?: readonly InterfaceUsage[] | undefined;
  readonly processes?: ProcessCount | undefined;
  /** What all images take. */
  readonly imageBytes?: number | undefined;
}

/** What is known of pods beside CPU and memory, by uid. */
export interface PodFacts {
  readonly networks: ReadonlyMap<string, readonly InterfaceUsage[]>;
  readonly disks: ReadonlyMap<string, PodDisk>;
}

export interface SummaryInput {
  readonly nodeName: string;
  readonly startedAtMs: number;
  readonly memoryCapacityBytes: number;
  readonly usage: NodeUsage;
  readonly machine: MachineFacts;
  readonly ofPods: PodFacts;
}

/** `/stats/summary`: the `Summary` of `stats/v1alpha1`. */
export function summaryOf(input: SummaryInput): object {
  return { node: nodeSummary(input), pods: input.usage.pods.map((pod) => podSummary(pod, input)) };
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
    ...networkOf(network, time),
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

function podSummary({ pod, containers, usage }: PodUsage, { machine, ofPods, usage: { atMs } }: SummaryInput): object {
  const { name, namespace, uid = '' } = pod.metadata ?? {};
  const limits = containers.map((each) => memoryLimitOf(pod, each));
  const limit = limits.every((each) => each !== undefined) ? limits.reduce((sum, each) => sum + each, 0) : undefined;
  const disk = ofPods.disks.get(uid);
  return {
    podRef: { name, namespace, uid },
    startTime: pod.status?.startTime ?? formatTime(atMs),
    containers: containers.map((each) => ({
      name: each.name,
      startTime: formatTime(each.startedAtMs),
      cpu: cpuOf(each.usage),
      memory: memoryOf(each.usage, memoryLimitOf(pod, each)),
      ...(disk && filesOf(each.name, disk, machine.fileSystem)),
    })),
    cpu: cpuOf(usage),
    memory: memoryOf(usage, limit),
    ...networkOf(ofPods.networks.get(uid), formatTime(atMs)),
    ...(disk && { volume: disk.volumes.map((volume) => volumeOf(volume, { pod, atMs: disk.atMs, disk: machine.fileSystem })) }),
    ...(disk && { 'ephemeral-storage': partOf(disk.total, machine.fileSystem, disk.atMs) }),
  };
}

/** The main interface, and all of them. */
function networkOf(interfaces: readonly InterfaceUsage[] | undefined, time: string): object {
  return interfaces?.[0] ? { network: { time, ...interfaces[0], interfaces } } : {};
}

function filesOf(container: string, { atMs, containers }: PodDisk, fileSystem: FileSystemUsage | undefined): object {
  const { logs, writableLayer } = containers.get(container) ?? {};
  return {
    ...(writableLayer && { rootfs: partOf(writableLayer, fileSystem, atMs) }),
    ...(logs && { logs: partOf(logs, fileSystem, atMs) }),
  };
}

function volumeOf(
  { claim, fileSystem, name, used }: VolumeDisk,
  { pod, atMs, disk }: { readonly pod: Pod; readonly atMs: number; readonly disk: FileSystemUsage | undefined },
): object {
  return {
    ...partOf(used, fileSystem ?? disk, atMs),
    name,
    ...(claim !== undefined && { pvcRef: { name: claim, namespace: pod.metadata?.namespace } }),
  };
}

/** Something on a file system that has more on it. */
function partOf({ inodesUsed, usedBytes }: DiskUsage, fileSystem: FileSystemUsage | undefined, atMs: number): object {
  const { availableBytes, capacityBytes, inodes, inodesFree } = fileSystem ?? {};
  return {
    time: formatTime(atMs),
    ...(fileSystem && { availableBytes, capacityBytes }),
    usedBytes,
    ...(fileSystem && { inodesFree, inodes }),
    ...(inodesUsed !== undefined && { inodesUsed }),
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
