import { readFile } from 'node:fs/promises';
import { isReason } from '@keelson/base';
import { interfaceUsage, logUsage, type ContainerDiskUsage, type SandboxNetworkUsage } from '@keelson/runtime';
import type { EngineClient } from './engine/engine-client.ts';
import type { ContainerInspect, EngineStats } from './engine/engine-types.ts';

/** The engine adds up the files of a layer: a few at a time, since others wait for it too. */
const MEASURE_TIMEOUT_MS = 120_000;

/** What running containers take up; one that ends meanwhile is left out. Logs only where the engine's files can be read. */
export async function containerDiskUsage(
  engine: EngineClient,
  containers: readonly ContainerInspect[],
  signal?: AbortSignal,
): Promise<readonly ContainerDiskUsage[]> {
  const found: ContainerDiskUsage[] = [];
  for (const { Id: containerId, LogPath = '' } of containers) {
    const call = { method: 'GET', path: `/containers/${containerId}/json`, query: { size: true }, signal } as const;
    const sized = await engine.json<ContainerInspect>({ ...call, timeoutMs: MEASURE_TIMEOUT_MS }).catch(undefinedIfGone);
    if (!sized) continue;
    const logs = LogPath === '' ? undefined : await logUsage(LogPath);
    found.push({
      containerId,
      ...(sized.SizeRw !== undefined && { writableLayer: { usedBytes: sized.SizeRw } }),
      ...(logs && { logs }),
    });
  }
  return found;
}

/** Of pods that are not on the host's network. */
export async function sandboxNetworkUsage(
  engine: EngineClient,
  sandboxes: readonly ContainerInspect[],
  signal?: AbortSignal,
): Promise<readonly SandboxNetworkUsage[]> {
  const own = sandboxes.filter(({ State, HostConfig }) => State.Running && HostConfig.NetworkMode !== 'host');
  const all = own.map(async (sandbox) => (await fromKernel(sandbox)) ?? fromEngine(engine, sandbox.Id, signal));
  return (await Promise.all(all)).filter((usage) => usage !== undefined);
}

/** If the engine's processes are of this machine: the number of one may be another's here. */
async function fromKernel({ Id: sandboxId, State: { Pid } }: ContainerInspect): Promise<SandboxNetworkUsage | undefined> {
  const cgroup = await readFile(`/proc/${Pid}/cgroup`, 'utf8').catch(() => '');
  return cgroup.includes(sandboxId) ? { sandboxId, interfaces: await interfaceUsage(`/proc/${Pid}`) } : undefined;
}

/** Knows only the networks that are the engine's. */
async function fromEngine(
  engine: EngineClient,
  sandboxId: string,
  signal: AbortSignal | undefined,
): Promise<SandboxNetworkUsage | undefined> {
  const query = { stream: false, 'one-shot': true };
  const call = { method: 'GET', path: `/containers/${sandboxId}/stats`, query, signal } as const;
  const stats = await engine.json<EngineStats>(call).catch(undefinedIfGone);
  const interfaces = Object.entries(stats?.networks ?? {}).map(([name, each]) => ({
    name,
    rxBytes: each.rx_bytes,
    rxErrors: each.rx_errors,
    txBytes: each.tx_bytes,
    txErrors: each.tx_errors,
  }));
  return stats && { sandboxId, interfaces };
}

function undefinedIfGone(error: unknown): undefined {
  if (!isReason(error, 'NotFound', 'Conflict')) throw error;
}
