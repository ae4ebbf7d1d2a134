import { isReason, type Clock } from '@keelson/base';
import { cgroupUsage, type ContainerStats } from '@keelson/runtime';
import type { EngineClient } from './engine/engine-client.ts';
import type { ContainerInspect, EngineStats } from './engine/engine-types.ts';

const AT_ONCE = 8;

export interface StatsDependencies {
  readonly engine: EngineClient;
  readonly clock: Clock;
}

/** What running containers use; one that ends meanwhile is left out. */
export async function containerStats(
  deps: StatsDependencies,
  containers: readonly ContainerInspect[],
  signal?: AbortSignal,
): Promise<readonly ContainerStats[]> {
  const found: ContainerStats[] = [];
  for (let from = 0; from < containers.length; from += AT_ONCE) {
    const some = await Promise.all(containers.slice(from, from + AT_ONCE).map((each) => statsOf(deps, each, signal)));
    found.push(...some.filter((stats) => stats !== undefined));
  }
  return found;
}

async function statsOf(
  { engine, clock }: StatsDependencies,
  { Id: containerId, HostConfig }: ContainerInspect,
  signal: AbortSignal | undefined,
): Promise<ContainerStats | undefined> {
  const usage = await cgroupUsage(HostConfig.CgroupParent, containerId);
  if (!usage) return fromEngine(engine, containerId, signal);
  const { memoryInactiveFileBytes, ...known } = usage;
  const memoryWorkingSetBytes = Math.max(0, usage.memoryUsageBytes - memoryInactiveFileBytes);
  return { containerId, atMs: clock.now(), ...known, memoryWorkingSetBytes };
}

async function fromEngine(
  engine: EngineClient,
  containerId: string,
  signal: AbortSignal | undefined,
): Promise<ContainerStats | undefined> {
  const call = { method: 'GET', path: `/containers/${containerId}/stats`, signal } as const;
  try {
    // One shot: otherwise the engine waits for a second sample.
    const query = { stream: false, 'one-shot': true };
    const { read, cpu_stats, memory_stats } = await engine.json<EngineStats>({ ...call, query });
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
