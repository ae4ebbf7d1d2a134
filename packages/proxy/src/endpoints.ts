import type { Endpoint, EndpointSlice } from '@keelson/api/discovery/v1';

export type TrafficPolicy = 'Cluster' | 'Local';

/** Where traffic can go. */
export interface ProxyEndpoint {
  readonly address: string;
  readonly port: number;
  /** On this node. */
  readonly local: boolean;
}

/** The node from which endpoints are looked at. */
export interface Viewpoint {
  readonly nodeName: string;
  /** Value of its label `topology.kubernetes.io/zone`. */
  readonly zone?: string | undefined;
}

export interface EndpointQuery extends Viewpoint {
  readonly slices: readonly EndpointSlice[];
  readonly family: string;
  readonly portName: string;
  readonly protocol: string;
}

/** An endpoint of any state, used or not. */
export interface Candidate extends ProxyEndpoint {
  readonly nodeName: string | undefined;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly forNodes: readonly string[];
  readonly forZones: readonly string[];
}

export interface SelectedEndpoints {
  readonly clusterEndpoints: readonly ProxyEndpoint[];
  readonly localEndpoints: readonly ProxyEndpoint[];
  /** None of the local endpoints is ready: they serve what still comes, and load balancers had better send nothing more. */
  readonly localTerminating: boolean;
}

/**
 * The endpoints that take traffic: the ready ones, or those that are terminating but still serve if none is ready. That choice is made
 * for all nodes and for this node apart. Of the ready ones on all nodes, those that hints give to this node or zone, if every one has
 * hints. In order of address and port, each once.
 */
export function selectEndpoints(query: EndpointQuery): SelectedEndpoints {
  const candidates = findCandidates(query);
  const local = candidates.filter((one) => one.local);
  const localEndpoints = readyElseServing(local);
  return {
    clusterEndpoints: readyElseServing(candidates, query),
    localEndpoints,
    localTerminating: localEndpoints.length > 0 && !local.some((one) => one.ready),
  };
}

/** `address:port`, with brackets for IPv6. */
export function endpointText(endpoint: Pick<ProxyEndpoint, 'address' | 'port'>): string {
  return endpoint.address.includes(':') ? `[${endpoint.address}]:${endpoint.port}` : `${endpoint.address}:${endpoint.port}`;
}

/** The addresses of the endpoints on this node. */
export function localAddresses({
  clusterEndpoints,
  localEndpoints,
}: Pick<SelectedEndpoints, 'clusterEndpoints' | 'localEndpoints'>): string[] {
  return [...clusterEndpoints, ...localEndpoints].filter((one) => one.local).map((one) => one.address);
}

/** All endpoints of a service port, whatever their state, in order of address and port. */
export function findCandidates(query: EndpointQuery): readonly Candidate[] {
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
  return [...found.values()].sort(byAddress);
}

function addCandidate(found: Map<string, Candidate>, endpoint: Endpoint, port: number, nodeName: string): void {
  // Only the first address counts: the others are for no one, by the API's own word.
  const address = endpoint.addresses[0];
  if (address === undefined) return;
  const candidate = candidateOf(endpoint, { address, port, local: endpoint.nodeName === nodeName });
  const key = endpointText(candidate);
  const other = found.get(key);
  // While an endpoint moves from one slice to another it is in both; its better state counts.
  if (!other || rank(candidate) > rank(other)) found.set(key, candidate);
}

function candidateOf(endpoint: Endpoint, at: ProxyEndpoint): Candidate {
  const { ready = true, serving = ready, terminating = false } = endpoint.conditions ?? {};
  const { forNodes = [], forZones = [] } = endpoint.hints ?? {};
  return {
    ...at,
    nodeName: endpoint.nodeName,
    ready,
    serving,
    terminating,
    forNodes: forNodes.map((one) => one.name),
    forZones: forZones.map((one) => one.name),
  };
}

function rank({ ready, serving, terminating }: Candidate): number {
  if (ready) return 2;
  return serving && terminating ? 1 : 0;
}

function readyElseServing(candidates: readonly Candidate[], viewpoint?: Viewpoint): readonly ProxyEndpoint[] {
  const ready = candidates.filter((one) => one.ready);
  const used = ready.length > 0 ? nearest(ready, viewpoint) : candidates.filter((one) => one.serving && one.terminating);
  return used.map(({ address, port, local }) => ({ address, port, local }));
}

/** Those that are meant for this node, else for its zone. Hints count only if each endpoint has them and one means us. */
function nearest(ready: readonly Candidate[], viewpoint: Viewpoint | undefined): readonly Candidate[] {
  const { isFor } = topologyOf(ready, viewpoint);
  return ready.filter(isFor);
}

/** Which hints decide, and for whom. */
export interface Topology {
  readonly by: 'node' | 'zone' | 'none';
  isFor(candidate: Candidate): boolean;
}

/** How hints of the ready endpoints are to be taken from where `viewpoint` is. */
export function topologyOf(ready: readonly Candidate[], viewpoint: Viewpoint | undefined): Topology {
  const { nodeName, zone } = viewpoint ?? { nodeName: '' };
  const isForNode = (one: Candidate): boolean => one.forNodes.includes(nodeName);
  const isForZone = (one: Candidate): boolean => zone !== undefined && one.forZones.includes(zone);
  if (viewpoint && ready.every((one) => one.forNodes.length > 0) && ready.some(isForNode))
    return { by: 'node', isFor: isForNode };
  if (viewpoint && ready.every((one) => one.forZones.length > 0) && ready.some(isForZone))
    return { by: 'zone', isFor: isForZone };
  return { by: 'none', isFor: () => true };
}

function byAddress(left: ProxyEndpoint, right: ProxyEndpoint): number {
  if (left.address !== right.address) return left.address < right.address ? -1 : 1;
  return left.port - right.port;
}
