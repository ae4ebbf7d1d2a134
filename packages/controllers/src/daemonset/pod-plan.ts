import { isPodAvailable, isPodReady } from '@keelson/api';
import type { DaemonSet } from '@keelson/api/apps/v1';
import type { Pod } from '@keelson/api/core/v1';
import { byAge, isUpdated } from './daemon-pod.ts';
import { rolloutLimits, type DaemonState, type NodeState } from './daemon-state.ts';

/** What is to be done. */
export interface PodPlan {
  /** Nodes that get a pod. */
  readonly create: readonly string[];
  readonly delete: readonly Pod[];
  /** Those of `delete` that have ended, with their nodes. */
  readonly ended: readonly { readonly nodeName: string; readonly pod: Pod }[];
  /** Before failed pods that are left for now are looked at again. */
  readonly waitMs: number | undefined;
}

interface Draft {
  readonly create: string[];
  readonly delete: Pod[];
  readonly ended: { readonly nodeName: string; readonly pod: Pod }[];
  waitMs: number | undefined;
}

/** How long a failed pod of a node is left as it is. */
export type FailureWait = (nodeName: string) => number;

/** One pod on each node where it belongs, and none elsewhere; failed ones are replaced, with a wait. */
export function planPods(set: DaemonSet, state: DaemonState, failureWaitMs: FailureWait): PodPlan {
  const draft: Draft = { create: [], delete: state.lost.filter(isStaying), ended: [], waitMs: undefined };
  for (const node of state.nodes) planNode(set, state, { node, draft, failureWaitMs });
  return draft;
}

function planNode(
  set: DaemonSet,
  state: DaemonState,
  { node, draft, failureWaitMs }: { readonly node: NodeState; readonly draft: Draft; readonly failureWaitMs: FailureWait },
): void {
  const { nodeName, pods, shouldRun, mayStay } = node;
  if (!mayStay) {
    draft.delete.push(...pods.filter(isStaying));
    return;
  }
  if (shouldRun && pods.length === 0) {
    draft.create.push(nodeName);
    return;
  }
  const running: Pod[] = [];
  for (const pod of pods.filter(isStaying)) {
    const { phase } = pod.status ?? {};
    const waitMs = phase === 'Failed' ? failureWaitMs(nodeName) : 0;
    if (waitMs > 0) draft.waitMs = Math.min(waitMs, draft.waitMs ?? Infinity);
    else if (phase === 'Failed' || phase === 'Succeeded') draft.ended.push({ nodeName, pod });
    else running.push(pod);
  }
  draft.delete.push(...draft.ended.filter((ended) => ended.nodeName === nodeName).map(({ pod }) => pod));
  if (rolloutLimits(set, state).surge === 0) draft.delete.push(...running.toSorted(byAge).slice(1));
  else planSurge(set, state, { node, running, draft });
}

/**
 * With a surge two pods may be on a node: an old one as long as it is ready, and a new one that is not available yet. Without any that stays, a
 * new one comes at once, whatever is still terminating.
 */
function planSurge(
  set: DaemonSet,
  { hash, nowMs }: DaemonState,
  { node, running, draft }: { readonly node: NodeState; readonly running: readonly Pod[]; readonly draft: Draft },
): void {
  if (running.length === 0) {
    const isWaitingForFailed = node.pods.some((pod) => isStaying(pod) && !draft.delete.includes(pod));
    if (node.shouldRun && !isWaitingForFailed) draft.create.push(node.nodeName);
    return;
  }
  const sorted = running.toSorted(byAge);
  const newest = sorted.find((pod) => isUpdated(pod, hash));
  const old = sorted.find((pod) => !isUpdated(pod, hash));
  draft.delete.push(...sorted.filter((pod) => pod !== newest && pod !== old));
  if (!newest || !old) return;
  const isOver = isPodAvailable(newest, set.spec?.minReadySeconds ?? 0, nowMs);
  if (isOver || !isPodReady(old)) draft.delete.push(old);
}

export function isStaying({ metadata }: Pod): boolean {
  return metadata?.deletionTimestamp === undefined;
}
