import { KeelsonError } from '@keelson/base';
import { networkPolicyObstacle } from '@keelson/network-policy';
import { detectProxyMode } from '@keelson/proxy';
import { cniObstacle } from './cluster/cni-obstacle.ts';
import { nodeRuntime } from './cluster/node-runtimes.ts';
import { familiesOf } from './cluster/ranges.ts';
import type { ClusterOptions, ClusterSettings, RuntimeName } from './options.ts';

/** The one that is asked for, or the first that can be used. Rejects with what to do if there is none. */
export async function runtimeFor(options: Pick<ClusterOptions, 'runtime' | 'nodes' | 'criEndpoint'>): Promise<RuntimeName> {
  const { runtime, nodes } = options;
  if (nodes === 0) return 'sim';
  if (runtime === 'auto') return nodes > 1 ? 'sim' : firstAvailable(options);
  const { available, title } = await nodeRuntime(runtime);
  const found = await available(options);
  if (found.available) return runtime;
  throw new KeelsonError('ServiceUnavailable', `${title} cannot be used: ${found.why}, or use --runtime sim`);
}

/** Each keeps its own account of the addresses that CNI has given out: two would give the same ones. */
export async function mustFitTogether(
  options: Pick<ClusterOptions, 'moreRuntimes' | 'criEndpoint'>,
  runtime: RuntimeName,
  network: ClusterSettings['network'],
): Promise<void> {
  const { moreRuntimes } = options;
  const byCni = [...new Set([runtime, ...moreRuntimes])].filter(
    (name) => name !== 'sim' && (name !== 'docker' || network === 'cni'),
  );
  if (byCni.length > 1) {
    const advice = byCni.includes('docker') ? ': add --network docker' : '';
    throw new KeelsonError('BadRequest', `Only one runtime of a node can use CNI, not ${byCni.join(' and ')}${advice}`);
  }
  for (const name of moreRuntimes) {
    const { available, title } = await nodeRuntime(name);
    const found = await available(options);
    if (!found.available) throw new KeelsonError('ServiceUnavailable', `${title} cannot be used: ${found.why}`);
  }
}

/** What `auto` tries, in this order. A CRI runtime has to be named. */
const AUTO_RUNTIMES = ['docker', 'lxc'] as const;

async function firstAvailable(options: Pick<ClusterOptions, 'criEndpoint'>): Promise<RuntimeName> {
  for (const name of AUTO_RUNTIMES) {
    const { available } = await nodeRuntime(name);
    if ((await available(options)).available) return name;
  }
  return 'sim';
}

/** Plugins work on this machine, so the engine has to be here too. */
function elsewhere(runtime: RuntimeName): string | undefined {
  const { DOCKER_HOST: host = '' } = process.env;
  return runtime === 'docker' && /^(tcp|https?|ssh):/.test(host) ? `the Docker engine is at ${host}` : undefined;
}

/** LXC and CRI runtimes have no other way than CNI. */
export function networkFor(
  options: Pick<ClusterOptions, 'network' | 'clusterCidr'>,
  runtime: RuntimeName,
  { bridge, podCidrs }: { readonly bridge: string; readonly podCidrs: readonly string[] },
): ClusterSettings['network'] {
  const { network } = options;
  if (runtime === 'sim') return 'none';
  if (network === 'docker' && runtime !== 'docker') {
    throw new KeelsonError('BadRequest', `Docker's network is for Docker's pods: use --network cni with --runtime ${runtime}`);
  }
  if (network === 'docker') return dockersOwn(options);
  const why = elsewhere(runtime) ?? cniObstacle(podCidrs, bridge);
  if (why === undefined) return 'cni';
  if (network === 'auto' && runtime === 'docker') return dockersOwn(options, `, but pods cannot get networks by CNI: ${why}`);
  throw new KeelsonError('ServiceUnavailable', `Pods cannot get networks by CNI: ${why}`);
}

/** Docker's bridge has no addresses of IPv6 unless somebody has configured it so. */
function dockersOwn({ clusterCidr }: Pick<ClusterOptions, 'clusterCidr'>, why = ''): 'docker' {
  if (familiesOf(clusterCidr).join() === 'IPv4') return 'docker';
  throw new KeelsonError('BadRequest', `Docker's network is for IPv4 alone, not for ${clusterCidr}: use --network cni${why}`);
}

/** Of what is found for several families, the first of these has the say: it works wherever a later one does. */
const AUTO_MODES = ['userspace', 'iptables', 'nftables'] as const;

/** The mode that is asked for, or the best that works here. */
export async function proxyModeFor(
  { proxyMode, serviceCidr }: Pick<ClusterOptions, 'proxyMode' | 'serviceCidr'>,
  runtime: RuntimeName,
): Promise<ClusterSettings['proxyMode']> {
  if (proxyMode !== 'auto') return proxyMode;
  // Nobody answers at the addresses of simulated pods.
  if (runtime === 'sim') return 'none';
  const modes = await Promise.all(familiesOf(serviceCidr).map(async (family) => (await detectProxyMode({ family })).mode));
  return AUTO_MODES.find((mode) => modes.includes(mode)) ?? 'userspace';
}

/** Whether NetworkPolicies are enforced. Rejects if they shall be and cannot. */
export async function networkPolicyFor(
  { networkPolicy }: Pick<ClusterOptions, 'networkPolicy'>,
  runtime: ClusterSettings['runtime'],
): Promise<ClusterSettings['networkPolicy']> {
  if (networkPolicy === 'off' || runtime === 'sim') return 'off';
  const obstacle = await networkPolicyObstacle();
  if (obstacle === undefined) return 'on';
  if (networkPolicy === 'auto') return 'off';
  throw new KeelsonError('ServiceUnavailable', `NetworkPolicies cannot be enforced: ${obstacle}`);
}
