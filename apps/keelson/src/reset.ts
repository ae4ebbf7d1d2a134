import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { errorMessage, KeelsonError, SystemClock } from '@keelson/base';
import { dockerAvailable, DockerRuntime, removePods } from '@keelson/runtime-docker';
import { makeProxyMode } from './cluster/proxy.ts';
import { lockDirectory } from './up.ts';

/** Removes everything that clusters on this data directory have left: containers, packet rules, data. */
export async function reset({ dataDir }: { readonly dataDir: string }): Promise<void> {
  if (!existsSync(dataDir)) return;
  await using _lock = await lockDirectory(dataDir);
  const clock = new SystemClock();
  if ((await dockerAvailable()).available) await removePods(new DockerRuntime({ clock }));
  for (const mode of ['userspace', 'iptables'] as const)
    await makeProxyMode(mode, clock)
      .cleanup()
      .catch(() => undefined);
  try {
    await rm(dataDir, { recursive: true, force: true });
  } catch (cause) {
    throw new KeelsonError('ServiceUnavailable', `Cannot remove "${dataDir}": ${errorMessage(cause)}`, { cause });
  }
}
