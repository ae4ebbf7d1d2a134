import { findCondition, isPodActive, isPodTerminal, parseTime } from '@keelson/api';
import type { Job } from '@keelson/api/batch/v1';
import type { Pod } from '@keelson/api/core/v1';
import { hasFinalizer } from '@keelson/controller-runtime';

/** Holds a pod until its end has been counted, whoever deletes it. */
export const TRACKING = 'batch.kubernetes.io/job-tracking';
/** Of an indexed pod: annotation and label. */
export const INDEX = 'batch.kubernetes.io/job-completion-index';
/** Annotations: how often the index had failed before the pod, and how often without that being counted. */
export const INDEX_FAILURES = 'batch.kubernetes.io/job-index-failure-count';
export const IGNORED_INDEX_FAILURES = 'batch.kubernetes.io/job-index-ignored-failure-count';

export function isTracked(pod: Pod): boolean {
  return hasFinalizer(pod, TRACKING);
}

export function isIndexed({ spec }: Job): boolean {
  return spec?.completionMode === 'Indexed';
}

/** Only a pod that has ended makes room for another one, not yet one that is terminating. */
export function replacesOnlyFailed({ spec }: Job): boolean {
  return spec?.podReplacementPolicy === 'Failed';
}

export function hasSucceeded({ status }: Pod): boolean {
  return status?.phase === 'Succeeded';
}

/** A pod that is being deleted will not succeed, unless the Job waits to see that. */
export function hasFailed(pod: Pod, job: Job): boolean {
  if (isPodTerminal(pod)) return !hasSucceeded(pod);
  return pod.metadata?.deletionTimestamp !== undefined && !replacesOnlyFailed(job);
}

/** Being deleted, and not ended yet. */
export function isTerminating(pod: Pod): boolean {
  return !isPodActive(pod) && !isPodTerminal(pod);
}

/** The index of a pod, or -1. */
export function indexOf({ metadata }: Pod): number {
  const text = metadata?.annotations?.[INDEX] ?? '';
  return /^\d{1,10}$/.test(text) ? Number(text) : -1;
}

/** How often its index had failed when the pod began. */
export interface IndexFailures {
  readonly counted: number;
  readonly ignored: number;
}

export function failuresBefore({ metadata }: Pod): IndexFailures {
  const countOf = (name: string): number => Number(metadata?.annotations?.[name]) || 0;
  return { counted: countOf(INDEX_FAILURES), ignored: countOf(IGNORED_INDEX_FAILURES) };
}

/** When the last container ended; else when the pod stopped being ready, when its deletion began, or when it was made. */
export function endOf({ metadata, status }: Pod): number {
  const ends = (status?.containerStatuses ?? []).map(({ state }) => parseTime(state?.terminated?.finishedAt));
  const known = ends.filter((endMs) => endMs !== undefined);
  if (known.length > 0 && known.length === ends.length) return Math.max(...known);
  const ready = findCondition(status?.conditions, 'Ready');
  const unreadyMs = ready?.status === 'False' ? parseTime(ready.lastTransitionTime) : undefined;
  const goneMs = parseTime(metadata?.deletionTimestamp);
  const graceMs = (metadata?.deletionGracePeriodSeconds ?? 0) * 1000;
  return unreadyMs ?? (goneMs === undefined ? (parseTime(metadata?.creationTimestamp) ?? 0) : goneMs - graceMs);
}
