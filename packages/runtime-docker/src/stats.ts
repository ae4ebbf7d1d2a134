import { isReason } from '@keelson/base';
import type { ContainerStats } from '@keelson/runtime';
import type { EngineClient } from './engine/engine-client.ts';
import type { EngineStats } from './engine/engine-types.ts';

const AT_ONCE = 8;

/** What running containers use; one that ends meanwhile is left out. */
export async function containerStats(
  engine: EngineClient,
  ids: readonly string[],
  signal?: AbortSignal,
): Promise<readonly ContainerStats[]> {
  const found: ContainerStats[] = [];
  for (let from = 0; from < ids.length; from += AT_ONCE) {
    const some = await Promise.all(ids.slice(from, from + AT_ONCE).map((id) => statsOf(engine, id, signal)));
    found.push(...some.filter((stats) => stats !== undefined));
  }
  return found;
}

async function statsOf(
  engine: EngineClient,
  containerId: string,
  signal: AbortSignal | undefined,
): Promise<ContainerStats | undefined> {
  const call = { method: 'GET', path: `/containers/${containerId}/stats`, signal } as const;
  try {
    // One shot: otherwise the engine waits a second for another sample.
    const { read, cpu_stats, memory_stats } = await engine.json<EngineStats>({
      ...call,
      query: { stream: false, 'one-shot': true },
    });
    const { usage = 0, stats = {} } = memory_stats;
    const inactive = stats.total_inactive_file ?? stats.inactive_file ?? 0;
    return {
      containerId,
      atMs: Date.parse(read),
      cpuUsageNanoSeconds: cpu_stats.cpu_usage.total_usage,
      memoryUsageBytes: usage,
      memoryWorkingSetBytes: Math.max(0, usage - inactive),
    };
  } catch (error) {
    if (isReason(error, 'NotFound', 'Conflict')) return undefined;
    throw error;
  }
}
