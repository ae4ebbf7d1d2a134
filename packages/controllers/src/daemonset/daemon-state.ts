import { isPodTerminal, nameOf, resolveIntOrPercent } from '@keelson/api';
import type { DaemonSet } from '@keelson/api/apps/v1';
import type { Node, Pod } from '@keelson/api/core/v1';
import { targetOf } from './daemon-pod.ts';
import { eligibilityOf, type Eligibility } from './eligibility.ts';

/** One node with what a daemon has there. */
export interface NodeState extends Eligibility {
  readonly nodeName: string;
  readonly pods: readonly Pod[];
}

/** All nodes, and the pods of the daemon. */
export interface DaemonState {
  readonly nodes: readonly NodeState[];
  /** Pods of nodes that are not there, and that no node has: nobody else would ever remove them. */
  readonly lost: readonly Pod[];
  readonly hash: string;
  readonly nowMs: number;
}

export function daemonState(
  set: DaemonSet,
  {
    nodes,
    pods,
    hash,
    nowMs,
  }: { readonly nodes: readonly Node[]; readonly pods: readonly Pod[]; readonly hash: string; readonly nowMs: number },
): DaemonState {
  // What has ended and is being deleted makes room already.
  const counting = pods.filter((pod) => !(isPodTerminal(pod) && pod.metadata?.deletionTimestamp !== undefined));
  const byNode = Map.groupBy(counting, targetOf);
  const known = new Set(nodes.map(nameOf));
  return {
    nodes: nodes.map((node) => ({
      nodeName: nameOf(node),
      pods: byNode.get(nameOf(node)) ?? [],
      ...eligibilityOf(set, node),
    })),
    lost: counting.filter((pod) => !pod.spec?.nodeName && targetOf(pod) !== '' && !known.has(targetOf(pod))),
    hash,
    nowMs,
  };
}

/** Pods beyond one for each node, and pods that may be missing, while rolling. Percentages are of the nodes that want one, rounded up. */
export function rolloutLimits(set: DaemonSet, { nodes }: DaemonState): { readonly surge: number; readonly unavailable: number } {
  const desired = nodes.filter(({ shouldRun }) => shouldRun).length;
  const { maxSurge = 0, maxUnavailable = 1 } = set.spec?.updateStrategy?.rollingUpdate ?? {};
  const surge = resolveIntOrPercent(maxSurge, desired, true);
  const unavailable = resolveIntOrPercent(maxUnavailable, desired, true);
  // If both come to 0, one pod may be missing: it could never move on.
  return surge === 0 && unavailable === 0 ? { surge, unavailable: 1 } : { surge, unavailable };
}
