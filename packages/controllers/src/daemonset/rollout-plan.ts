import { isPodAvailable } from '@keelson/api';
import type { DaemonSet } from '@keelson/api/apps/v1';
import type { Pod } from '@keelson/api/core/v1';
import { isUpdated } from './daemon-pod.ts';
import { rolloutLimits, type DaemonState, type NodeState } from './daemon-state.ts';
import { isStaying } from './pod-plan.ts';

export interface RolloutPlan {
  /** Nodes that get a new pod beside the old one. */
  readonly create: readonly string[];
  readonly delete: readonly Pod[];
}

const NOTHING: RolloutPlan = { create: [], delete: [] };

/** How a daemon's pods become those of the new template, a few at a time. To be asked only when nothing else is to be done. */
export function planRollout(set: DaemonSet, state: DaemonState): RolloutPlan {
  if (set.spec?.updateStrategy?.type === 'OnDelete') return NOTHING;
  const { surge, unavailable } = rolloutLimits(set, state);
  return surge > 0 ? planSurging(set, state, surge) : planReplacing(set, state, unavailable);
}

interface Parts {
  readonly newPod?: Pod | undefined;
  readonly oldPod?: Pod | undefined;
  /** More than one of a sort: others clean that up first. */
  readonly isMixed: boolean;
}

function partsOf({ pods }: NodeState, hash: string): Parts {
  const staying = pods.filter(isStaying);
  const [newPod, ...moreNew] = staying.filter((pod) => isUpdated(pod, hash));
  const [oldPod, ...moreOld] = staying.filter((pod) => !isUpdated(pod, hash));
  return { newPod, oldPod, isMixed: moreNew.length + moreOld.length > 0 };
}

function nodesInPlay({ nodes }: DaemonState): readonly NodeState[] {
  return nodes.filter(({ shouldRun, pods }) => shouldRun || pods.length > 0);
}

/**
 * Old pods go, and their nodes are given new ones. An old pod that is not available goes in any case; of the others as many as may be missing
 * beside the nodes that have none. Example: 5 nodes, one may be missing, and the new pod of one is not available yet: no other one goes.
 */
function planReplacing(set: DaemonSet, state: DaemonState, maxUnavailable: number): RolloutPlan {
  const isAvailable = (pod: Pod): boolean => isPodAvailable(pod, set.spec?.minReadySeconds ?? 0, state.nowMs);
  let unavailable = 0;
  const broken: Pod[] = [];
  const candidates: Pod[] = [];
  for (const node of nodesInPlay(state)) {
    const { newPod, oldPod, isMixed } = partsOf(node, state.hash);
    if (isMixed || (!oldPod && !newPod) || (oldPod && newPod)) unavailable += 1;
    else if (newPod) unavailable += isAvailable(newPod) ? 0 : 1;
    else if (oldPod) (isAvailable(oldPod) ? candidates : broken).push(oldPod);
  }
  return { create: [], delete: [...broken, ...candidates.slice(0, Math.max(0, maxUnavailable - unavailable))] };
}

/** New pods come beside old ones, which go when the new ones are available. */
function planSurging(set: DaemonSet, state: DaemonState, maxSurge: number): RolloutPlan {
  const isAvailable = (pod: Pod): boolean => isPodAvailable(pod, set.spec?.minReadySeconds ?? 0, state.nowMs);
  let surging = 0;
  const done: Pod[] = [];
  const urgent: string[] = [];
  const candidates: string[] = [];
  for (const node of nodesInPlay(state)) {
    const { newPod, oldPod, isMixed } = partsOf(node, state.hash);
    if (isMixed) surging += 1;
    else if (!oldPod) continue;
    else if (!node.shouldRun) continue;
    else if (!newPod) (isAvailable(oldPod) ? candidates : urgent).push(node.nodeName);
    else if (isAvailable(newPod)) done.push(oldPod);
    else surging += 1;
  }
  return { create: [...urgent, ...candidates.slice(0, Math.max(0, maxSurge - surging))], delete: done };
}
