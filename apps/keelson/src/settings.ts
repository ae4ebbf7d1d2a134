import { join } from 'node:path';
import { KeelsonError } from '@keelson/base';
import { advertisedAddresses } from './cluster/advertised.ts';
import type { Reachable } from './cluster/component-context.ts';
import { clusterId } from './cluster/identity.ts';
import { nodeRuntime } from './cluster/node-runtimes.ts';
import { familiesOf, podCidrsOf } from './cluster/ranges.ts';
import { bridgeOf } from './cluster/runtimes/node-runtime.ts';
import { mustFitTogether, networkFor, networkPolicyFor, proxyModeFor, runtimeFor } from './machine.ts';
import { CLUSTER_DEFAULTS, type ClusterChoices, type ClusterOptions, type ClusterSettings } from './options.ts';

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
  const network = networkFor(options, runtime, { bridge: bridgeOf({ clusterId: id }), podCidrs: podCidrsOf(options, 1) });
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
