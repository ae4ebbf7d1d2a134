import type { Job } from '@keelson/api/batch/v1';
import type { Pod } from '@keelson/api/core/v1';
import { podsToDelete } from '../pod-control/deletion-order.ts';
import { indexBackoffMs } from './index-failures.ts';
import { indexOf, isIndexed, replacesOnlyFailed } from './job-pods.ts';
import type { NewPod } from './job-pod-writer.ts';
import { backoffMs, type PodBackoff } from './pod-backoff.ts';
import { hasIndex, type Survey } from './survey.ts';

/** Pods that are created or deleted at one go. */
const BURST = 500;

/** What is to be done about the number of pods. */
export type PodPlan =
  | { readonly type: 'delete'; readonly pods: readonly Pod[] }
  | { readonly type: 'create'; readonly pods: readonly NewPod[] }
  /** Nothing for now; `waitMs` if there will be something. */
  | { readonly type: 'wait'; readonly waitMs?: number };

/** For a Job that goes on. Pods that are too many go first; others are made when the cache shows that they are gone. */
export function planPods(
  job: Job,
  found: Survey,
  { backoff, nowMs }: { readonly backoff: PodBackoff; readonly nowMs: number },
): PodPlan {
  const wanted = job.spec?.suspend === true ? 0 : wantedPods(job, found);
  const excess = excessPods(job, found.active, { wanted, nowMs });
  if (excess.length > 0) return { type: 'delete', pods: excess.slice(0, BURST) };
  const missing = wanted - found.active.length - (replacesOnlyFailed(job) ? found.terminating.length : 0);
  if (missing <= 0) return { type: 'wait' };
  // Indexes with limits of their own wait each for itself.
  const waitMs = job.spec?.backoffLimitPerIndex === undefined ? backoffMs(backoff, nowMs) : 0;
  if (waitMs > 0) return { type: 'wait', waitMs };
  const count = Math.min(missing, BURST);
  if (!isIndexed(job)) return { type: 'create', pods: Array.from({ length: count }, () => ({})) };
  return planIndexes(job, found, { count, nowMs });
}

/** How many pods should run. */
function wantedPods({ spec }: Job, { active, succeeded, failedIndexes }: Survey): number {
  const parallelism = spec?.parallelism ?? 1;
  // A success tells that the work is done: what runs may end by itself, and nothing more is begun.
  if (spec?.completions === undefined) return succeeded > 0 ? active.length : parallelism;
  return Math.max(0, Math.min(spec.completions - succeeded - failedIndexes.size, parallelism));
}

/** Those beyond the number, and in any case those whose index another one has, or that the Job does not have. */
function excessPods(
  job: Job,
  active: readonly Pod[],
  { wanted, nowMs }: { readonly wanted: number; readonly nowMs: number },
): readonly Pod[] {
  const useless = isIndexed(job) ? uselessPods(job, active, nowMs) : [];
  const others = active.filter((pod) => !useless.includes(pod));
  const more = others.length - wanted;
  return more > 0 ? [...useless, ...podsToDelete(others, more, [], nowMs)] : useless;
}

function uselessPods(job: Job, active: readonly Pod[], nowMs: number): readonly Pod[] {
  const useless = active.filter((pod) => !hasIndex(job, pod));
  const byIndex = Map.groupBy(
    active.filter((pod) => hasIndex(job, pod)),
    indexOf,
  );
  for (const same of byIndex.values()) if (same.length > 1) useless.push(...podsToDelete(same, same.length - 1, [], nowMs));
  return useless;
}

/** The lowest indexes that have neither ended nor a pod. One that waits after a failure leaves its place to another. */
function planIndexes(job: Job, found: Survey, { count, nowMs }: { readonly count: number; readonly nowMs: number }): PodPlan {
  const { active, terminating, succeededIndexes, failedIndexes, toReplace } = found;
  const running = replacesOnlyFailed(job) ? [...active, ...terminating] : active;
  const taken = new Set([...running.map(indexOf), ...succeededIndexes, ...failedIndexes]);
  const pods: NewPod[] = [];
  let waitMs = Infinity;
  for (let index = 0; index < (job.spec?.completions ?? 0) && pods.length < count; index += 1) {
    if (taken.has(index)) continue;
    const ownMs = indexBackoffMs(toReplace.get(index), nowMs);
    if (ownMs > 0) waitMs = Math.min(waitMs, ownMs);
    else pods.push({ index, replaces: toReplace.get(index) });
  }
  if (pods.length > 0) return { type: 'create', pods };
  return Number.isFinite(waitMs) ? { type: 'wait', waitMs } : { type: 'wait' };
}
