import { isReason } from '@keelson/base';
import type { Received } from '@keelson/grpc';
import {
  logUsage,
  type ContainerDiskUsage,
  type ContainerStats,
  type DiskUsage,
  type InterfaceUsage,
  type PodFilter,
  type SandboxNetworkUsage,
} from '@keelson/runtime';
import { LIST_CONTAINER_STATS, LIST_POD_SANDBOX_STATS } from './api/methods.ts';
import type { FilesystemUsage, InterfaceUsage as CriInterfaceUsage } from './api/parts.ts';
import type { KnownContainer } from './containers.ts';
import type { CriClient } from './cri-client.ts';
import { selectorOf } from './record.ts';
import { epochMs } from './sandboxes.ts';

type Value = { readonly value: bigint } | undefined;

/** What running containers use, by the runtime's own measuring. Those that it has not measured yet are left out. */
export async function containerStats(
  client: CriClient,
  cluster: string,
  signal?: AbortSignal,
): Promise<readonly ContainerStats[]> {
  const filter = { labelSelector: selectorOf(cluster, undefined) };
  const { stats } = await client.call(LIST_CONTAINER_STATS, { filter }, { signal, isRepeatable: true });
  return stats.flatMap(({ attributes, cpu, memory }) => {
    if (!attributes || !cpu || !memory) return [];
    const workingSet = numberOf(memory.workingSetBytes) ?? 0;
    return [
      {
        containerId: attributes.id,
        atMs: epochMs(cpu.timestamp),
        cpuUsageNanoSeconds: numberOf(cpu.usageCoreNanoSeconds) ?? 0,
        memoryWorkingSetBytes: workingSet,
        memoryUsageBytes: numberOf(memory.usageBytes) ?? workingSet,
        ...defined({
          memoryRssBytes: numberOf(memory.rssBytes),
          pageFaults: numberOf(memory.pageFaults),
          majorPageFaults: numberOf(memory.majorPageFaults),
        }),
      },
    ];
  });
}

/** What running containers take up: the runtime measures their layers from time to time, logs are looked at now. */
export async function containerDiskUsage(
  client: CriClient,
  cluster: string,
  running: readonly KnownContainer[],
  { signal, only }: { readonly signal?: AbortSignal | undefined; readonly only?: PodFilter | undefined },
): Promise<readonly ContainerDiskUsage[]> {
  const filter = { labelSelector: selectorOf(cluster, only?.podUid) };
  const { stats } = await client.call(LIST_CONTAINER_STATS, { filter }, { signal, isRepeatable: true });
  const layers = new Map(stats.map(({ attributes, writableLayer }) => [attributes?.id, writableLayer]));
  const found: ContainerDiskUsage[] = [];
  for (const { logPath, status } of running) {
    const layer = layers.get(status.id);
    const logs = logPath === '' ? undefined : await logUsage(logPath);
    found.push({ containerId: status.id, ...(layer && { writableLayer: layerUsage(layer) }), ...(logs && { logs }) });
  }
  return found;
}

function layerUsage({ inodesUsed, usedBytes }: Received<typeof FilesystemUsage>): DiskUsage {
  const inodes = numberOf(inodesUsed);
  return { usedBytes: numberOf(usedBytes) ?? 0, ...(inodes !== undefined && { inodesUsed: inodes }) };
}

/** Runtimes need not tell. */
export async function sandboxNetworkUsage(
  client: CriClient,
  cluster: string,
  signal?: AbortSignal,
): Promise<readonly SandboxNetworkUsage[]> {
  const filter = { labelSelector: selectorOf(cluster, undefined) };
  const call = { signal, isRepeatable: true };
  const { stats } = await client.call(LIST_POD_SANDBOX_STATS, { filter }, call).catch((error: unknown) => {
    if (isReason(error, 'MethodNotAllowed')) return { stats: [] };
    throw error;
  });
  return stats.flatMap(({ attributes, linux }) => {
    const { defaultInterface: main, interfaces = [] } = linux?.network ?? {};
    if (!attributes || !main) return [];
    return [{ sandboxId: attributes.id, interfaces: [main, ...interfaces].map(interfaceUsage) }];
  });
}

function interfaceUsage(usage: Received<typeof CriInterfaceUsage>): InterfaceUsage {
  return {
    name: usage.name,
    rxBytes: numberOf(usage.rxBytes) ?? 0,
    rxErrors: numberOf(usage.rxErrors) ?? 0,
    txBytes: numberOf(usage.txBytes) ?? 0,
    txErrors: numberOf(usage.txErrors) ?? 0,
  };
}

function numberOf(value: Value): number | undefined {
  return value && Number(value.value);
}

function defined(values: Readonly<Record<string, number | undefined>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(values).filter((entry): entry is [string, number] => entry[1] !== undefined));
}
