import { controllerOf } from '@keelson/api';
import type { Pod } from '@keelson/api/core/v1';
import { labelsOf, SKIP, type CycleState, type Snapshot } from '../framework.ts';
import type { NodeInfo } from '../node-info.ts';

/** Kinds whose pods are spread without being told to. */
const SPREAD = ['ReplicaSet', 'ReplicationController', 'StatefulSet'];
/** What upstream asks for by default: soft constraints over nodes and zones. */
const HOSTNAME = { topologyKey: 'kubernetes.io/hostname', maxSkew: 3 };
const ZONE = { topologyKey: 'topology.kubernetes.io/zone', maxSkew: 5 };
const STATE = 'PodTopologySpread:default';

/** Pods of one controller: on nodes, which know their number, and in zones. */
interface Spread {
  readonly controllerUid: string;
  readonly inZones: ReadonlyMap<string, number>;
  /** What one more pod in a domain counts: the more domains there are, the more. */
  readonly nodeWeight: number;
  readonly zoneWeight: number;
}

/**
 * Hot path: asked for each pod without constraints of its own, in time that grows with the nodes and not with their pods. Pods of one
 * ReplicaSet, ReplicationController or StatefulSet are known by their controller: its selector picks just them. `SKIP` for the first of them,
 * which may go anywhere.
 */
export function beginSpread(state: CycleState, pod: Pod, snapshot: Snapshot): undefined | typeof SKIP {
  const controller = controllerOf(pod);
  if (!controller || !SPREAD.includes(controller.kind)) return SKIP;
  const inZones = new Map<string, number>();
  let total = 0;
  for (const node of snapshot.nodes) {
    const count = node.countOf(controller.uid);
    if (count === 0) continue;
    total += count;
    const zone = labelsOf(node.node)[ZONE.topologyKey];
    if (zone !== undefined) inZones.set(zone, (inZones.get(zone) ?? 0) + count);
  }
  if (total === 0) return SKIP;
  const nodeWeight = Math.log(snapshot.nodes.length + 2);
  state.write(STATE, { controllerUid: controller.uid, inZones, nodeWeight, zoneWeight: Math.log(zonesOf(snapshot) + 2) });
  return undefined;
}

/** The less, the better; `undefined` if the pod is not spread by default. */
export function defaultSpreadOf(state: CycleState, node: NodeInfo): number | undefined {
  const spread = state.read<Spread>(STATE);
  if (!spread) return undefined;
  const labels = labelsOf(node.node);
  const zone = labels[ZONE.topologyKey];
  let sum = 0;
  if (labels[HOSTNAME.topologyKey] !== undefined) {
    sum += node.countOf(spread.controllerUid) * spread.nodeWeight + (HOSTNAME.maxSkew - 1);
  }
  if (zone !== undefined) sum += (spread.inZones.get(zone) ?? 0) * spread.zoneWeight + (ZONE.maxSkew - 1);
  return sum;
}

export function isSpreadByDefault(state: CycleState): boolean {
  return state.read<Spread>(STATE) !== undefined;
}

const zoneCounts = new WeakMap<Snapshot, number>();

/** How many zones there are. A snapshot lasts until a node changes. */
function zonesOf(snapshot: Snapshot): number {
  const known = zoneCounts.get(snapshot);
  if (known !== undefined) return known;
  const zones = new Set(snapshot.nodes.map(({ node }) => labelsOf(node)[ZONE.topologyKey]));
  zones.delete(undefined);
  zoneCounts.set(snapshot, zones.size);
  return zones.size;
}
