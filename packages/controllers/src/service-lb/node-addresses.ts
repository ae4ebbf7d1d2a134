import { isIPv6 } from 'node:net';
import { findCondition } from '@keelson/api';
import type { LoadBalancerIngress, Node, Service } from '@keelson/api/core/v1';
import type { EndpointSlice } from '@keelson/api/discovery/v1';

/** Nodes with it are left to themselves. */
const EXCLUDED = 'node.kubernetes.io/exclude-from-external-load-balancers';

/**
 * Pure: where a Service is reached from outside: the nodes' external addresses, or where a node has none, its internal ones. With
 * `externalTrafficPolicy: Local` only of nodes that have endpoints.
 */
export function nodeAddresses(
  service: Service,
  nodes: readonly Node[],
  slices: readonly EndpointSlice[],
): readonly LoadBalancerIngress[] {
  const local = service.spec?.externalTrafficPolicy === 'Local' ? nodesWithEndpoints(slices) : undefined;
  const families = service.spec?.ipFamilies?.length ? service.spec.ipFamilies : ['IPv4'];
  const addresses = nodes
    .filter((node) => isUsable(node) && (!local || local.has(node.metadata?.name ?? '')))
    .flatMap(addressesOf)
    .filter((address) => families.includes(isIPv6(address) ? 'IPv6' : 'IPv4'));
  return [...new Set(addresses)].toSorted().map((ip) => ({ ip, ipMode: 'VIP' }));
}

function isUsable({ metadata, status }: Node): boolean {
  if (metadata?.deletionTimestamp !== undefined || metadata?.labels?.[EXCLUDED] !== undefined) return false;
  return findCondition(status?.conditions, 'Ready')?.status === 'True';
}

function addressesOf({ status }: Node): readonly string[] {
  const ofType = (wanted: string): string[] =>
    (status?.addresses ?? []).filter(({ type }) => type === wanted).map(({ address }) => address);
  const external = ofType('ExternalIP');
  return external.length > 0 ? external : ofType('InternalIP');
}

function nodesWithEndpoints(slices: readonly EndpointSlice[]): ReadonlySet<string> {
  const names = slices.flatMap(({ endpoints }) =>
    (endpoints ?? []).flatMap(({ nodeName, conditions }) => (nodeName && conditions?.ready !== false ? [nodeName] : [])),
  );
  return new Set(names);
}
