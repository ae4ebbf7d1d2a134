import { resolveIntOrPercent } from '@keelson/api';
import type { StatefulSet } from '@keelson/api/apps/v1';
import type { Pod } from '@keelson/api/core/v1';
import {
  hasEnded,
  isOrdered,
  isRunningAndAvailable,
  isRunningAndReady,
  isTerminating,
  isWanted,
  ordinalOf,
  replicasOf,
  revisionOfPod,
  wantedOrdinals,
} from './ordinals.ts';

/** What is to be done, in this order. */
export type PodAction =
  | { readonly type: 'create'; readonly ordinal: number }
  | { readonly type: 'delete'; readonly pod: Pod }
  /** It is one too many: its claims are to know that before it is deleted. */
  | { readonly type: 'retire'; readonly pod: Pod }
  /** Its labels and claims are to be as they should be. */
  | { readonly type: 'keep'; readonly pod: Pod };

export interface PodState {
  readonly pods: readonly Pod[];
  /** The name of the newest revision. */
  readonly updateRevision: string;
  readonly nowMs: number;
}

/**
 * What to do about a set's pods now. Ordered: the lowest pod that is missing is made, and nothing else as long as one is missing, ends, or is not
 * available; then the highest that is too many goes; then those of old revisions, from the highest. Parallel: all that are missing are made,
 * and all that are too many go, at once. Example: 3 pods, of which web-1 is not ready: nothing is done before it is.
 */
export function planPods(set: StatefulSet, state: PodState): readonly PodAction[] {
  const living = planLiving(set, state);
  if (living.isBlocked) return living.actions;
  const condemned = condemnedOf(set, state.pods);
  const actions = [...living.actions, ...planCondemned(set, condemned, state.nowMs)];
  return isOrdered(set) && condemned.length > 0 ? actions : [...actions, ...planUpdate(set, state)];
}

function planLiving(
  set: StatefulSet,
  { pods, nowMs }: PodState,
): { readonly actions: readonly PodAction[]; readonly isBlocked: boolean } {
  const byOrdinal = new Map(pods.map((pod) => [ordinalOf(set, pod), pod]));
  const actions: PodAction[] = [];
  for (const ordinal of wantedOrdinals(set)) {
    const pod = byOrdinal.get(ordinal);
    const action = actionFor(ordinal, pod);
    if (action) actions.push(action);
    const isDone = pod !== undefined && !hasEnded(pod) && !isTerminating(pod) && isRunningAndAvailable(set, pod, nowMs);
    if (isOrdered(set) && !isDone) return { actions, isBlocked: true };
  }
  return { actions, isBlocked: false };
}

/** A pod that has ended, however, is replaced: what it was for goes on. */
function actionFor(ordinal: number, pod: Pod | undefined): PodAction | undefined {
  if (!pod) return { type: 'create', ordinal };
  if (isTerminating(pod)) return undefined;
  return { type: hasEnded(pod) ? 'delete' : 'keep', pod };
}

/** Pods beyond the replicas, the highest first. */
function condemnedOf(set: StatefulSet, pods: readonly Pod[]): readonly Pod[] {
  return pods.filter((pod) => !isWanted(set, ordinalOf(set, pod))).toSorted((a, b) => ordinalOf(set, b) - ordinalOf(set, a));
}

/** In order, one that is not available holds up those below it, unless none else is unhealthy. */
function planCondemned(set: StatefulSet, condemned: readonly Pod[], nowMs: number): readonly PodAction[] {
  const staying = condemned.filter((pod) => !isTerminating(pod));
  if (!isOrdered(set)) return staying.map((pod) => ({ type: 'retire', pod }));
  const keeping: readonly PodAction[] = staying.map((pod) => ({ type: 'keep', pod }));
  const [pod] = condemned;
  if (!pod || isTerminating(pod)) return keeping;
  const lowestUnhealthy = condemned.findLast((each) => isTerminating(each) || !isRunningAndReady(each));
  if (pod !== lowestUnhealthy && !isRunningAndAvailable(set, pod, nowMs)) return keeping;
  return [...keeping, { type: 'retire', pod }];
}

/**
 * Pods of old revisions, from the highest down to the partition, as many as may be missing beside those that are. One that is not available
 * anyway may go in any case: else a set whose pods never become ready could never be mended.
 */
function planUpdate(set: StatefulSet, { pods, updateRevision, nowMs }: PodState): readonly PodAction[] {
  const { type, rollingUpdate } = set.spec?.updateStrategy ?? {};
  if (type === 'OnDelete') return [];
  const byOrdinal = new Map(pods.map((pod) => [ordinalOf(set, pod), pod]));
  const ordinals = wantedOrdinals(set);
  const isAvailable = (pod: Pod | undefined): boolean =>
    pod !== undefined && !isTerminating(pod) && isRunningAndAvailable(set, pod, nowMs);
  let room = maxUnavailable(set) - ordinals.filter((ordinal) => !isAvailable(byOrdinal.get(ordinal))).length;
  const actions: PodAction[] = [];
  for (const ordinal of ordinals.slice(rollingUpdate?.partition ?? 0).toReversed()) {
    const pod = byOrdinal.get(ordinal);
    if (!pod || isTerminating(pod) || hasEnded(pod) || revisionOfPod(pod) === updateRevision) continue;
    if (isAvailable(pod)) {
      if (room <= 0) break;
      room -= 1;
    }
    actions.push({ type: 'delete', pod });
  }
  return actions;
}

/** At least one: a percentage is rounded down. */
function maxUnavailable(set: StatefulSet): number {
  const value = set.spec?.updateStrategy?.rollingUpdate?.maxUnavailable ?? 1;
  return Math.max(1, resolveIntOrPercent(value, replicasOf(set), false));
}
