import type { Node } from '@keelson/api/core/v1';
import { familyOf } from '../addresses.ts';

/** Pods of another node are reached by way of that node. */
export interface PodRoute {
  /** The other node's pod CIDR. */
  readonly range: string;
  /** Its address in the network that both are in. */
  readonly via: string;
}

export interface NodePlan {
  readonly routes: readonly PodRoute[];
  /** Of this node itself. */
  readonly ownCidrs: readonly string[];
}

/** Pure: what this node has to know of the others. Nodes that are this machine too, by their address, need no route. */
export function planFor(nodeName: string, nodes: Iterable<Node>, ownAddresses: ReadonlySet<string>): NodePlan {
  const routes: PodRoute[] = [];
  let ownCidrs: readonly string[] = [];
  for (const node of nodes) {
    const ranges = podCidrsOf(node);
    const addresses = internalAddressesOf(node);
    if (node.metadata?.name === nodeName) ownCidrs = ranges;
    else if (!addresses.some((address) => ownAddresses.has(address))) routes.push(...routesTo(ranges, addresses));
  }
  return { routes: routes.toSorted((one, other) => one.range.localeCompare(other.range)), ownCidrs };
}

function routesTo(ranges: readonly string[], addresses: readonly string[]): readonly PodRoute[] {
  return ranges.flatMap((range) => {
    const via = addresses.find((address) => familyOf(address) === familyOf(range.split('/')[0] ?? ''));
    return via === undefined ? [] : [{ range, via }];
  });
}

function podCidrsOf({ spec }: Node): readonly string[] {
  const { podCIDR, podCIDRs } = spec ?? {};
  return podCIDRs ?? (podCIDR === undefined ? [] : [podCIDR]);
}

function internalAddressesOf({ status }: Node): readonly string[] {
  return (status?.addresses ?? []).filter(({ type }) => type === 'InternalIP').map(({ address }) => address);
}
