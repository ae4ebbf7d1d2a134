import { join } from 'node:path';
import { KeelsonError } from '@keelson/base';
import { networkPolicyObstacle } from '@keelson/network-policy';
import { detectProxyMode } from '@keelson/proxy';
import { advertisedAddresses } from './cluster/advertised.ts';
import type { Reachable } from './cluster/component-context.ts';
import { cniObstacle } from './cluster/cni-obstacle.ts';
import { clusterId } from './cluster/identity.ts';
import { nodeRuntime } from './cluster/node-runtimes.ts';
import { familiesOf, podCidrsOf } from './cluster/ranges.ts';
import { bridgeOf } from './cluster/runtimes/node-runtime.ts';
import { CLUSTER_DEFAULTS, type ClusterChoices, type ClusterOptions, type ClusterSettings, type RuntimeName } from './options.ts';

/** Finds out what the machine can do. Rejects with what to do about it if it cannot do what was asked. */
export async function settle(
  choices: ClusterChoices,
): Promise<{ readonly settings: ClusterSettings; readonly reachable: Reachable }> {
  const options: ClusterOptions = { ...CLUSTER_DEFAULTS, kubeconfig: join(choices.dataDir, 'kubeconfig'), ...choices };
  familiesMustAgree(options);
  const runtime = await runtimeFor(options);
  if (options.nodes > 1 && runtime !== 'sim') {
    throw new KeelsonError('BadRequest', `Only simulated nodes can be ${options.nodes} on one machine: add --runtime sim`);
  }
  const proxyMode = await proxyModeFor(options, runtime);
  const id = await clusterId(options.dataDir);
  const addresses = await advertisedAddresses(options);
  const dns = dnsFor(options, { runtime, proxyMode, isAdvertised: addresses.length > 0 });
  const networkPolicy = await networkPolicyFor(options, runtime);
  const network = networkFor(options, runtime, bridgeOf({ clusterId: id }));
  await mustFitTogether(options, runtime, network);
  const settings = { ...options, runtime, proxyMode, dns, networkPolicy, network, clusterId: id };
  return { settings, reachable: await reachableBy(settings, addresses) };
}

/** What others are told counts more than where the pods of this machine would find it. */
async function reachableBy(settings: ClusterSettings, addresses: readonly string[]): Promise<Reachable> {
  const { runtime, moreRuntimes } = settings;
  const reachable = await (await nodeRuntime(runtime)).reachable(settings);
  const others: Reachable[] = [];
  for (const name of moreRuntimes) others.push(await (await nodeRuntime(name)).reachable(settings));
  const podRanges = [...new Set([reachable, ...others].flatMap((one) => one.podRanges))];
  const [nodeAddress] = addresses;
  return { ...reachable, podRanges, ...(nodeAddress !== undefined && { nodeAddress, nodeAddresses: addresses }) };
}

function familiesMustAgree({ clusterCidr, serviceCidr }: ClusterOptions): void {
  if (familiesOf(clusterCidr).join() === familiesOf(serviceCidr).join()) return;
  const given = `pods have ${clusterCidr}, services ${serviceCidr}`;
  throw new KeelsonError(
    'BadRequest',
    `--cluster-cidr and --service-cidr need ranges of the same IP families in the same order: ${given}`,
  );
}

async function runtimeFor(options: ClusterOptions): Promise<RuntimeName> {
  const { runtime, nodes } = options;
  if (nodes === 0) return 'sim';
  if (runtime === 'auto') return nodes > 1 ? 'sim' : firstAvailable(options);
  const { available, title } = await nodeRuntime(runtime);
  const found = await available(options);
  if (found.available) return runtime;
  throw new KeelsonError('ServiceUnavailable', `${title} cannot be used: ${found.why}, or use --runtime sim`);
}

/** Each keeps its own account of the addresses that CNI has given out: two would give the same ones. */
async function mustFitTogether(
  options: ClusterOptions,
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

async function firstAvailable(options: ClusterOptions): Promise<RuntimeName> {
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
function networkFor(options: ClusterOptions, runtime: RuntimeName, bridge: string): ClusterSettings['network'] {
  const { network } = options;
  if (runtime === 'sim') return 'none';
  if (network === 'docker' && runtime !== 'docker') {
    throw new KeelsonError('BadRequest', `Docker's network is for Docker's pods: use --network cni with --runtime ${runtime}`);
  }
  if (network === 'docker') return dockersOwn(options);
  const why = elsewhere(runtime) ?? cniObstacle(podCidrsOf(options, 1), bridge);
  if (why === undefined) return 'cni';
  if (network === 'auto' && runtime === 'docker') return dockersOwn(options, `, but pods cannot get networks by CNI: ${why}`);
  throw new KeelsonError('ServiceUnavailable', `Pods cannot get networks by CNI: ${why}`);
}

/** Docker's bridge has no addresses of IPv6 unless somebody has configured it so. */
function dockersOwn({ clusterCidr }: ClusterOptions, why = ''): 'docker' {
  if (familiesOf(clusterCidr).join() === 'IPv4') return 'docker';
  throw new KeelsonError('BadRequest', `Docker's network is for IPv4 alone, not for ${clusterCidr}: use --network cni${why}`);
}

/** Of what is found for several families, the first of these has the say: it works wherever a later one does. */
const AUTO_MODES = ['userspace', 'iptables', 'nftables'] as const;

async function proxyModeFor(
  { proxyMode, serviceCidr }: ClusterOptions,
  runtime: RuntimeName,
): Promise<ClusterSettings['proxyMode']> {
  if (proxyMode !== 'auto') return proxyMode;
  // Nobody answers at the addresses of simulated pods.
  if (runtime === 'sim') return 'none';
  const modes = await Promise.all(familiesOf(serviceCidr).map(async (family) => (await detectProxyMode({ family })).mode));
  return AUTO_MODES.find((mode) => modes.includes(mode)) ?? 'userspace';
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
  { dns, nodes }: ClusterOptions,
  { runtime, proxyMode, isAdvertised }: Pick<ClusterSettings, 'runtime' | 'proxyMode'> & { readonly isAdvertised: boolean },
): ClusterSettings['dns'] {
  if (dns !== 'auto') return dns;
  // Pods of other machines ask too, if they reach this one.
  if (nodes === 0) return isAdvertised ? 'on' : 'off';
  // Without root the userspace proxy cannot give this machine the addresses of Services.
  const isReached = runtime !== 'sim' && proxyMode !== 'none' && process.getuid?.() === 0;
  return isReached ? 'on' : 'off';
}
