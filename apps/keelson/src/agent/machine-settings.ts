import { familyOf } from '@keelson/api';
import { KeelsonError } from '@keelson/base';
import type { Reachable } from '../cluster/component-context.ts';
import { clusterId } from '../cluster/identity.ts';
import { nodeRuntime } from '../cluster/node-runtimes.ts';
import { addressTowards, machineAddress } from '../cluster/own-address.ts';
import { familiesOf, rangesIn } from '../cluster/ranges.ts';
import { bridgeOf } from '../cluster/runtimes/node-runtime.ts';
import { mustFitTogether, networkFor, networkPolicyFor, proxyModeFor } from '../machine.ts';
import type { MachineSettings, RuntimeName } from '../options.ts';
import type { AgentOptions } from './agent-options.ts';
import type { Membership } from './membership.ts';

/** Finds out what the machine can do in such a cluster. Rejects with what to do about it if it cannot do what was asked. */
export async function settleMachine(
  options: AgentOptions,
  runtime: RuntimeName,
  { configuration, servers }: Membership,
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
  const nodeAddress = await addressOf(options, servers);
  const others = familiesOf(clusterCidr).filter((family) => family !== familyOf(nodeAddress));
  const found = await Promise.all(others.map(machineAddress));
  const nodeAddresses = [nodeAddress, ...found.filter((address) => address !== undefined)];
  return { settings, reachable: { nodeAddress, nodeAddresses, podRanges } };
}

/** Towards the API servers, which are where the other machines are. */
async function addressOf({ nodeIp }: AgentOptions, [server = '']: readonly string[]): Promise<string> {
  const found = nodeIp ?? (await addressTowards(new URL(server).hostname.replace(/^\[|\]$/g, '')));
  if (found !== undefined) return found;
  throw new KeelsonError('ServiceUnavailable', `This machine has no address by which ${server} could be reached: add --node-ip`);
}
