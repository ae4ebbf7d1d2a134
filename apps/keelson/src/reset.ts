import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage, KeelsonError, SystemClock } from '@keelson/base';
import { removeVolumes } from '@keelson/kubelet';
import { removeNetworkPolicyRules } from '@keelson/network-policy';
import { createProxyMode, PROXY_MODES } from '@keelson/proxy';
import { removePods } from '@keelson/runtime';
import { clusterId } from './cluster/identity.ts';
import { nodeRuntime } from './cluster/node-runtimes.ts';
import type { RuntimeSettings } from './cluster/runtimes/node-runtime.ts';
import { CLUSTER_DEFAULTS, RUNTIMES } from './options.ts';
import { lockDirectory } from './data-directory.ts';

export interface ResetOptions {
  readonly dataDir: string;
  /** The socket of a CRI runtime. */
  readonly criEndpoint: string;
}

/** Removes everything that clusters on this data directory have left: containers, networks, packet rules, data. */
export async function reset({ dataDir, criEndpoint }: ResetOptions): Promise<void> {
  if (!existsSync(dataDir)) return;
  await using _lock = await lockDirectory(dataDir);
  const { clusterCidr } = CLUSTER_DEFAULTS;
  await removeContainers({ dataDir, criEndpoint, clusterCidr, network: 'none', clusterId: await clusterId(dataDir) });
  await removeServiceRules();
  await removeNetworkPolicyRules().catch(() => undefined);
  try {
    const kubelets = join(dataDir, 'kubelet');
    for (const nodeName of await readdir(kubelets).catch(() => [])) await removeVolumes(join(kubelets, nodeName));
    await rm(dataDir, { recursive: true, force: true });
  } catch (cause) {
    throw new KeelsonError('ServiceUnavailable', `Cannot remove "${dataDir}": ${errorMessage(cause)}`, { cause });
  }
}

/** Of all modes and both IP families: it is not known which ones ran last. Those fail whose programs are not on this machine, and neither are their rules. */
async function removeServiceRules(): Promise<void> {
  const clock = new SystemClock();
  for (const name of PROXY_MODES) {
    for (const family of ['IPv4', 'IPv6'] as const) {
      const mode = createProxyMode(name, { clock }, { family });
      await mode.cleanup().catch(() => undefined);
    }
  }
}

async function removeContainers(settings: RuntimeSettings): Promise<void> {
  // Of all runtimes: it is not known which one ran last.
  for (const name of RUNTIMES) {
    if (name === 'auto') continue;
    const each = await nodeRuntime(name);
    const runtime = await each.reopen(settings);
    if (!runtime) continue;
    try {
      await removePods(runtime);
      await each.cleanUp?.(settings);
    } finally {
      await runtime.close();
    }
  }
}
