import type { Reachable } from '../cluster/component-context.ts';
import { clusterId } from '../cluster/identity.ts';
import type { ClusterConfiguration } from '../cluster/joining.ts';
import { nodeRuntime } from '../cluster/node-runtimes.ts';
import { rangesIn } from '../cluster/ranges.ts';
import { bridgeOf } from '../cluster/runtimes/node-runtime.ts';
import { mustFitTogether, networkFor, networkPolicyFor, proxyModeFor } from '../machine.ts';
import type { MachineSettings, RuntimeName } from '../options.ts';
import type { AgentOptions } from './agent-options.ts';

/** Finds out what the machine can do in such a cluster. Rejects with what to do about it if it cannot do what was asked. */
export async function settleMachine(
  options: AgentOptions,
  { runtime, configuration, nodeAddresses }: Known,
): Promise<{ readonly settings: MachineSettings; readonly reachable: Reachable }> {
  const { clusterCidr, serviceCidr } = configuration;
  const id = await clusterId(options.dataDir);
  // Pods on Docker's own network are in the same range on each machine, and not reached from the others.
  const wanted = { network: 'cni', clusterCidr } as const;
  const network = networkFor(wanted, runtime, { bridge: bridgeOf({ clusterId: id }), podCidrs: rangesIn(clusterCidr) });
  await mustFitTogether(options, runtime, network);
  const settings: MachineSettings = {
    ...options,
    ...configuration,
    runtime,
    network,
    clusterId: id,
    proxyMode: await proxyModeFor({ ...options, serviceCidr }, runtime),
    networkPolicy: await networkPolicyFor(options, runtime),
  };
  const podRanges = await (await nodeRuntime(runtime)).podRanges(settings);
  const [nodeAddress = ''] = nodeAddresses;
  return { settings, reachable: { nodeAddress, nodeAddresses, podRanges } };
}

interface Known {
  readonly runtime: RuntimeName;
  readonly configuration: ClusterConfiguration;
  readonly nodeAddresses: readonly string[];
}
