import { join } from 'node:path';
import { KeelsonError, SystemClock } from '@keelson/base';
import { detectProxyMode } from '@keelson/proxy';
import { dockerAvailable, DockerRuntime } from '@keelson/runtime-docker';
import { clusterId } from './cluster/identity.ts';
import type { Reachable } from './cluster/component-context.ts';
import { CLUSTER_DEFAULTS, type ClusterChoices, type ClusterOptions, type ClusterSettings } from './options.ts';

export const LOOPBACK_ADDRESS = '127.0.0.1';

/** Finds out what the machine can do. Rejects with what to do about it if it cannot do what was asked. */
export async function settle(
  choices: ClusterChoices,
): Promise<{ readonly settings: ClusterSettings; readonly reachable: Reachable }> {
  const options: ClusterOptions = { ...CLUSTER_DEFAULTS, kubeconfig: join(choices.dataDir, 'kubeconfig'), ...choices };
  const runtime = await runtimeFor(options);
  if (options.nodes > 1 && runtime !== 'sim') {
    throw new KeelsonError('BadRequest', `Only simulated nodes can be ${options.nodes} on one machine: add --runtime sim`);
  }
  const proxyMode = await proxyModeFor(options, runtime);
  const nodeAddress = runtime === 'docker' ? await bridgeAddress() : LOOPBACK_ADDRESS;
  const dns = dnsFor(options, { runtime, proxyMode });
  const settings = { ...options, runtime, proxyMode, dns, clusterId: await clusterId(options.dataDir) };
  return { settings, reachable: { nodeAddress } };
}

async function runtimeFor({ runtime, nodes }: ClusterOptions): Promise<'docker' | 'sim'> {
  if (runtime === 'sim' || (runtime === 'auto' && nodes > 1)) return 'sim';
  const docker = await dockerAvailable();
  if (docker.available) return 'docker';
  if (runtime === 'auto') return 'sim';
  throw new KeelsonError('ServiceUnavailable', `Docker cannot be used: ${docker.why}. Start it, or use --runtime sim`);
}

async function proxyModeFor({ proxyMode }: ClusterOptions, runtime: 'docker' | 'sim'): Promise<ClusterSettings['proxyMode']> {
  if (proxyMode !== 'auto') return proxyMode;
  // Nobody answers at the addresses of simulated pods.
  if (runtime === 'sim') return 'none';
  return (await detectProxyMode()).mode;
}

function dnsFor(
  { dns }: ClusterOptions,
  { runtime, proxyMode }: Pick<ClusterSettings, 'runtime' | 'proxyMode'>,
): ClusterSettings['dns'] {
  if (dns !== 'auto') return dns;
  // Without root the userspace proxy cannot give this machine the addresses of Services.
  const isReached = runtime !== 'sim' && proxyMode !== 'none' && process.getuid?.() === 0;
  return isReached ? 'on' : 'off';
}

/** Where pods on Docker's bridge find this machine. */
async function bridgeAddress(): Promise<string> {
  const runtime = new DockerRuntime({ clock: new SystemClock() });
  try {
    const { hostAddress } = await runtime.info();
    return hostAddress ?? LOOPBACK_ADDRESS;
  } finally {
    await runtime.close();
  }
}
