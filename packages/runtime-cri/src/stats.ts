import type { ContainerStats } from '@keelson/runtime';
import { LIST_CONTAINER_STATS } from './api/methods.ts';
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

function numberOf(value: Value): number | undefined {
  return value && Number(value.value);
}

function defined(values: Readonly<Record<string, number | undefined>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(values).filter((entry): entry is [string, number] => entry[1] !== undefined));
}
