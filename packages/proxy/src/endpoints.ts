import type { Endpoint, EndpointSlice } from '@keelson/api/discovery/v1';

export type TrafficPolicy = 'Cluster' | 'Local';

/** Where traffic can go. */
export interface ProxyEndpoint {
  readonly address: string;
  readonly port: number;
  /** On this node. */
  readonly local: boolean;
}

export interface EndpointQuery {
  readonly slices: readonly EndpointSlice[];
  readonly family: string;
  readonly nodeName: string;
  readonly portName: string;
  readonly protocol: string;
}

interface Candidate extends ProxyEndpoint {
  readonly ready: boolean;
}

/**
 * The endpoints that take traffic: the ready ones, or those that are terminating but still serve if none is ready. That choice is made
 * for all nodes and for this node apart. In order of address and port, each once.
 */
export function selectEndpoints(query: EndpointQuery): {
  clusterEndpoints: readonly ProxyEndpoint[];
  localEndpoints: readonly ProxyEndpoint[];
} {
  const candidates = [...findCandidates(query).values()].sort(byAddress);
  return {
    clusterEndpoints: readyElseServing(candidates),
    localEndpoints: readyElseServing(candidates.filter((one) => one.local)),
  };
}

/** `address:port`, with brackets for IPv6. */
export function endpointText(endpoint: Pick<ProxyEndpoint, 'address' | 'port'>): string {
  return endpoint.address.includes(':') ? `[${endpoint.address}]:${endpoint.port}` : `${endpoint.address}:${endpoint.port}`;
}

function findCandidates(query: EndpointQuery): Map<string, Candidate> {
  const found = new Map<string, Candidate>();
  for (const slice of query.slices) {
    if (slice.addressType !== query.family) continue;
    // A port without a number means "all ports", which is nothing to connect to.
    const ports = (slice.ports ?? []).filter(
      (port) => (port.name ?? '') === query.portName && (port.protocol ?? 'TCP') === query.protocol,
    );
    for (const { port } of ports) {
      if (port) for (const endpoint of slice.endpoints ?? []) addCandidate(found, endpoint, port, query.nodeName);
    }
  }
  return found;
}

function addCandidate(found: Map<string, Candidate>, endpoint: Endpoint, port: number, nodeName: string): void {
  // Only the first address counts: the others are for no one, by the API's own word.
  const address = endpoint.addresses[0];
  const { ready = true, serving = ready, terminating = false } = endpoint.conditions ?? {};
  if (address === undefined || !(ready || (serving && terminating))) return;
  const candidate = { address, port, local: endpoint.nodeName === nodeName, ready };
  const key = endpointText(candidate);
  // While an endpoint moves from one slice to another it is in both; its better state counts.
  if (ready || !found.has(key)) found.set(key, candidate);
}

function readyElseServing(candidates: readonly Candidate[]): readonly ProxyEndpoint[] {
  const ready = candidates.filter((one) => one.ready);
  return (ready.length > 0 ? ready : candidates).map(({ address, port, local }) => ({ address, port, local }));
}

function byAddress(left: ProxyEndpoint, right: ProxyEndpoint): number {
  if (left.address !== right.address) return left.address < right.address ? -1 : 1;
  return left.port - right.port;
}
