import { CNI_CONFIG_DIR, loadNetworkConfig } from '@keelson/runtime/cni';
import type { Reachable } from '../component-context.ts';
import { machineAddress } from '../own-address.ts';
import { makeBridge } from '../pod-bridge.ts';
import { familiesOf, gatewayOf, podCidrsOf, rangesIn } from '../ranges.ts';
import { bridgeOf, type RuntimeSettings } from './node-runtime.ts';

const LOOPBACK_ADDRESS = '127.0.0.1';
/** Where the machine is nowhere to be reached by pods, and where they are is not known. */
export const NOWHERE: Reachable = { nodeAddress: LOOPBACK_ADDRESS, nodeAddresses: [LOOPBACK_ADDRESS], podRanges: [] };

/** Where pods find this machine: on their bridge, or at its own address where somebody else has configured their network. */
export async function reachableByCni(settings: RuntimeSettings, configDir?: string): Promise<Reachable> {
  const podRanges = await rangesByCni(settings, configDir);
  if (podRanges.length === 0) {
    const addresses = await Promise.all(familiesOf(settings.clusterCidr).map(machineAddress));
    return reachableAt(
      addresses.filter((address) => address !== undefined),
      [],
    );
  }
  const ranges = podCidrsOf(settings, 1);
  await makeBridge(bridgeOf(settings), ranges);
  return reachableAt(ranges.map(gatewayOf), podRanges);
}

/** Where all pods are; nowhere in particular where somebody else has configured their network. */
export async function rangesByCni(
  { clusterCidr }: Pick<RuntimeSettings, 'clusterCidr'>,
  configDir: string = CNI_CONFIG_DIR,
): Promise<readonly string[]> {
  const configured = await loadNetworkConfig(configDir);
  return !configured || configured.name === 'keelson' ? rangesIn(clusterCidr) : [];
}

/** Nowhere, if there is no address. */
export function reachableAt(nodeAddresses: readonly string[], podRanges: readonly string[]): Reachable {
  const [nodeAddress] = nodeAddresses;
  return nodeAddress === undefined ? { ...NOWHERE, podRanges } : { nodeAddress, nodeAddresses, podRanges };
}
