import { controllerOf, isPodAvailable, isPodReady, isPodTerminal, nameOf } from '@keelson/api';
import type { StatefulSet } from '@keelson/api/apps/v1';
import type { Pod } from '@keelson/api/core/v1';

/** The label of a pod whose value is the name of its revision. */
export const REVISION_LABEL = 'controller-revision-hash';

const NAME = /^(.*)-(\d{1,10})$/;

/** The number of a set's pod; -1 for what is none of its pods. */
export function ordinalOf(set: StatefulSet, pod: Pod): number {
  const [, parent, ordinal] = NAME.exec(nameOf(pod)) ?? [];
  return parent === nameOf(set) && (ordinal === '0' || ordinal?.startsWith('0') === false) ? Number(ordinal) : -1;
}

/** True if the pod's owner was made for a pod of that name, so that it may be the set's. */
export function isMember(set: StatefulSet, pod: Pod): boolean {
  return ordinalOf(set, pod) >= 0 && (controllerOf(pod)?.uid ?? set.metadata?.uid) === set.metadata?.uid;
}

export function replicasOf({ spec }: StatefulSet): number {
  return spec?.replicas ?? 1;
}

/** The ordinals that a set wants, in order. */
export function wantedOrdinals(set: StatefulSet): readonly number[] {
  const start = set.spec?.ordinals?.start ?? 0;
  return Array.from({ length: replicasOf(set) }, (_, at) => start + at);
}

export function isWanted(set: StatefulSet, ordinal: number): boolean {
  const start = set.spec?.ordinals?.start ?? 0;
  return ordinal >= start && ordinal < start + replicasOf(set);
}

/** One pod at a time, and none before those before it are there. */
export function isOrdered({ spec }: StatefulSet): boolean {
  return spec?.podManagementPolicy !== 'Parallel';
}

export function revisionOfPod({ metadata }: Pod): string {
  return metadata?.labels?.[REVISION_LABEL] ?? '';
}

export function isTerminating({ metadata }: Pod): boolean {
  return metadata?.deletionTimestamp !== undefined;
}

export function hasEnded(pod: Pod): boolean {
  return isPodTerminal(pod);
}

export function isRunningAndReady(pod: Pod): boolean {
  return pod.status?.phase === 'Running' && isPodReady(pod);
}

export function isRunningAndAvailable(set: StatefulSet, pod: Pod, nowMs: number): boolean {
  return isRunningAndReady(pod) && isPodAvailable(pod, set.spec?.minReadySeconds ?? 0, nowMs);
}
