import { join } from 'node:path';
import { KeelsonError } from '@keelson/base';
import { networkPolicyObstacle } from '@keelson/network-policy';
import { detectProxyMode } from '@keelson/proxy';
import type { Reachable } from './cluster/component-context.ts';
import { clusterId } from './cluster/identity.ts';
import { NODE_RUNTIMES } from './cluster/node-runtimes.ts';
import { CLUSTER_DEFAULTS, type ClusterChoices, type ClusterOptions, type ClusterSettings, type RuntimeName } from './options.ts';

export { LOOPBACK_ADDRESS } from './cluster/node-runtimes.ts';

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
  const id = await clusterId(options.dataDir);
  const nodeAddress = await NODE_RUNTIMES[runtime].nodeAddress({ dataDir: options.dataDir, clusterId: id });
  const dns = dnsFor(options, { runtime, proxyMode });
  const networkPolicy = await networkPolicyFor(options, runtime);
  const settings = { ...options, runtime, proxyMode, dns, networkPolicy, clusterId: id };
  return { settings, reachable: { nodeAddress } };
}

async function runtimeFor({ runtime, nodes }: ClusterOptions): Promise<RuntimeName> {
  if (runtime === 'auto') return nodes > 1 ? 'sim' : firstAvailable();
  const { available, title } = NODE_RUNTIMES[runtime];
  const found = await available();
  if (found.available) return runtime;
  throw new KeelsonError('ServiceUnavailable', `${title} cannot be used: ${found.why}, or use --runtime sim`);
}

async function firstAvailable(): Promise<RuntimeName> {
  for (const [name, runtime] of Object.entries(NODE_RUNTIMES)) {
    // The table's own names.
    if ((await runtime.available()).available) return name as RuntimeName;
  }
  return 'sim';
}

async function proxyModeFor({ proxyMode }: ClusterOptions, runtime: RuntimeName): Promise<ClusterSettings['proxyMode']> {
  if (proxyMode !== 'auto') return proxyMode;
  // Nobody answers at the addresses of simulated pods.
  if (runtime === 'sim') return 'none';
  return (await detectProxyMode()).mode;
}

async function networkPolicyFor(
  { networkPolicy }: ClusterOptions,
  runtime: ClusterSettings['runtime'],
): Promise<ClusterSettings['networkPolicy']> {
  if (networkPolicy === 'off' || runtime === 'sim') return 'off';
  const obstacle = await networkPolicyObstacle();
  if (obstacle === undefined) return 'on';
  if (networkPolicy === 'auto') return 'off';
  throw new KeelsonError('ServiceUnavailable', `NetworkPolicies cannot be enforced: ${obstacle}`);
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
