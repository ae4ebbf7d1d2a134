import type { Job } from '@keelson/api/batch/v1';
import type { Pod } from '@keelson/api/core/v1';
import { matchFailurePolicy } from './failure-policy.ts';
import { endOf, failuresBefore, indexOf, type IndexFailures } from './job-pods.ts';
import { backoffMs } from './pod-backoff.ts';

/** How often the index had failed by the end of the failed `pod`. */
export function failuresAfter(job: Job, pod: Pod): IndexFailures {
  const { counted, ignored } = failuresBefore(pod);
  return matchFailurePolicy(job, pod)?.action === 'Ignore'
    ? { counted, ignored: ignored + 1 }
    : { counted: counted + 1, ignored };
}

/** True if its index is not to be tried again after the failed `pod`. */
export function failsIndex(job: Job, pod: Pod): boolean {
  const limit = job.spec?.backoffLimitPerIndex;
  if (limit === undefined) return false;
  const action = matchFailurePolicy(job, pod)?.action;
  return action === 'FailIndex' || (action !== 'Ignore' && failuresBefore(pod).counted >= limit);
}

/**
 * The last failed pod of each index that waits for a new one. It is held until that is there: its annotations are the only place that says how
 * often the index has failed, and whoever deletes it early would give the index its tries anew.
 */
export function lastFailures(failed: readonly Pod[], isWaiting: (index: number) => boolean): ReadonlyMap<number, Pod> {
  const last = new Map<number, Pod>();
  for (const pod of failed) {
    const index = indexOf(pod);
    const known = last.get(index);
    if (isWaiting(index) && (!known || isLater(pod, known))) last.set(index, pod);
  }
  return last;
}

function isLater(pod: Pod, than: Pod): boolean {
  return totalBefore(pod) > totalBefore(than) || endOf(pod) > endOf(than);
}

function totalBefore(pod: Pod): number {
  const { counted, ignored } = failuresBefore(pod);
  return counted + ignored;
}

/** How long the index waits after its last failed pod. Each index waits for itself. */
export function indexBackoffMs(pod: Pod | undefined, nowMs: number): number {
  return pod ? backoffMs({ failures: totalBefore(pod) + 1, lastMs: endOf(pod) }, nowMs) : 0;
}
