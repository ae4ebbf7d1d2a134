import { isIPv4 } from 'node:net';
import { join } from 'node:path';
import { BRIDGE_PLUGIN, type BridgeConfig } from './bridge/bridge-plugin.ts';
import type { NetworkConfig } from './network-config.ts';

export interface DefaultNetworkOptions {
  readonly podCidrs: readonly string[];
  /** Where addresses that are taken are noted down. */
  readonly stateDir: string;
  /** The bridge that pods are joined to. At most 15 characters. */
  readonly bridge: string;
  /** Whether ports of the host lead to the pod: the plugin for them costs each pod two runs. */
  readonly hostPorts: boolean;
}

/**
 * What a node without a network configuration uses: a bridge with the first address of the range, and host ports where pods ask for them. Traffic between pods, of
 * other nodes as well, keeps its source address; what leaves the cluster is the node's affair.
 */
export function defaultNetwork({ podCidrs, stateDir, bridge, hostPorts }: DefaultNetworkOptions): NetworkConfig {
  return {
    cniVersion: '1.0.0',
    name: 'keelson',
    plugins: [
      {
        type: 'bridge',
        bridge,
        isGateway: true,
        // The bridge follows a node whose range has changed.
        forceAddress: true,
        ipMasq: false,
        // A pod reaches itself by its service's address.
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          dataDir: join(stateDir, 'addresses'),
          ranges: podCidrs.map((subnet) => [{ subnet }]),
          routes: podCidrs.map((cidr) => ({ dst: isIPv4(cidr.split('/')[0] ?? '') ? '0.0.0.0/0' : '::/0' })),
        },
      },
      ...(hostPorts ? [{ type: 'portmap', capabilities: { portMappings: true }, snat: true }] : []),
    ],
  };
}

/** The same with what this package does itself in the place of the plugins `bridge`, `host-local` and `loopback`. */
export function builtInNetwork(options: DefaultNetworkOptions): NetworkConfig {
  const { podCidrs, bridge } = options;
  const network = defaultNetwork(options);
  const own: BridgeConfig = { type: BRIDGE_PLUGIN, bridge, podCidrs, addresses: network.name };
  return { ...network, plugins: [own, ...network.plugins.slice(1)] };
}

/** Every network namespace needs its own loopback interface to be up. */
export const LOOPBACK_NETWORK: NetworkConfig = {
  cniVersion: '0.3.1',
  name: 'cni-loopback',
  plugins: [{ type: 'loopback' }],
};
