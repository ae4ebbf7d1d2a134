import { endpointText, topologyOf, type Candidate, type Topology, type Viewpoint } from '../endpoints.ts';

/** An endpoint, and what becomes of it. */
export interface ExplainedEndpoint {
  /** `address:port`. */
  readonly endpoint: string;
  /** Whether traffic from anywhere may go there. */
  readonly used: boolean;
  /** Whether traffic goes there under a policy of `Local`. */
  readonly usedLocally: boolean;
  readonly why: string;
}

/** Why each endpoint of a service port is used, or left out. */
export function explainEndpoints(candidates: readonly Candidate[], viewpoint: Viewpoint): readonly ExplainedEndpoint[] {
  const ready = candidates.filter((one) => one.ready);
  const topology = topologyOf(ready, viewpoint);
  const hasLocal = ready.some((one) => one.local);
  return candidates.map((one) => {
    const canServe = one.serving && one.terminating;
    const used = one.ready ? topology.isFor(one) : ready.length === 0 && canServe;
    const usedLocally = one.local && (one.ready || (!hasLocal && canServe));
    const where = one.local ? 'on this node' : `on node ${one.nodeName ?? '(not said)'}`;
    return {
      endpoint: endpointText(one),
      used,
      usedLocally,
      why: `${reasonFor(one, ready.length, { topology, viewpoint })}, ${where}`,
    };
  });
}

interface Surroundings {
  readonly topology: Topology;
  readonly viewpoint: Viewpoint;
}

function reasonFor(one: Candidate, readyCount: number, { topology, viewpoint }: Surroundings): string {
  if (one.ready)
    return topology.isFor(one)
      ? `ready${hintFor(topology, viewpoint)}`
      : `ready, but its hints are for ${targetsOf(one, topology)}`;
  if (!one.terminating) return one.serving ? 'not ready' : 'not ready and not serving';
  if (!one.serving) return 'terminating, and serves no more';
  return readyCount === 0 ? 'terminating, but serves, and none is ready' : 'terminating, and others are ready';
}

function hintFor({ by }: Topology, { zone }: Viewpoint): string {
  switch (by) {
    case 'node':
      return ' and meant for this node';
    case 'zone':
      return ` and meant for zone ${zone ?? ''}`;
    case 'none':
      return '';
  }
}

function targetsOf(one: Candidate, { by }: Topology): string {
  return by === 'node' ? `node ${one.forNodes.join(', ')}` : `zone ${one.forZones.join(', ')}`;
}
