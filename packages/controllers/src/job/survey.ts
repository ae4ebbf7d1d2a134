import { isPodActive, uidOf } from '@keelson/api';
import type { Job } from '@keelson/api/batch/v1';
import type { Pod } from '@keelson/api/core/v1';
import { matchFailurePolicy } from './failure-policy.ts';
import { failsIndex, lastFailures } from './index-failures.ts';
import { parseIndexes } from './indexes.ts';
import { hasFailed, hasSucceeded, indexOf, isIndexed, isTerminating, isTracked } from './job-pods.ts';

/** What the pods of a Job and its status tell together. */
export interface Survey {
  readonly pods: readonly Pod[];
  readonly active: readonly Pod[];
  readonly terminating: readonly Pod[];
  /** Tracked, ended, and in no count yet. */
  readonly newlySucceeded: readonly Pod[];
  readonly newlyFailed: readonly Pod[];
  /** Failed, but a rule says that this does not count, or they have no index. */
  readonly ignored: readonly Pod[];
  /** Uids of pods that were noted and may still have to be counted. */
  readonly noted: { readonly succeeded: ReadonlySet<string>; readonly failed: ReadonlySet<string> };
  readonly succeeded: number;
  readonly failed: number;
  readonly succeededIndexes: ReadonlySet<number>;
  readonly failedIndexes: ReadonlySet<number>;
  /** The failed pods that a new one of the same index has to replace first; empty if indexes have no limits of their own. */
  readonly toReplace: ReadonlyMap<number, Pod>;
  /** Why a rule fails the Job. */
  readonly policyFailure: string | undefined;
}

export function survey(job: Job, pods: readonly Pod[]): Survey {
  const { status } = job;
  const noted = {
    succeeded: new Set(status?.uncountedTerminatedPods?.succeeded),
    failed: new Set(status?.uncountedTerminatedPods?.failed),
  };
  const fresh = pods.filter((pod) => isTracked(pod) && !noted.succeeded.has(uidOf(pod)) && !noted.failed.has(uidOf(pod)));
  const newlySucceeded = fresh.filter(hasSucceeded);
  const failures = fresh.filter((pod) => hasFailed(pod, job));
  const actions = new Map(failures.map((pod) => [pod, matchFailurePolicy(job, pod)]));
  const counts = (pod: Pod): boolean => actions.get(pod)?.action !== 'Ignore' && (!isIndexed(job) || hasIndex(job, pod));
  const newlyFailed = failures.filter(counts);
  const active = pods.filter(isPodActive);
  const indexes = indexesOf(job, { active, newlySucceeded, failures });
  const succeeded = (status?.succeeded ?? 0) + newlySucceeded.length + noted.succeeded.size;
  return {
    pods,
    active,
    terminating: pods.filter(isTerminating),
    newlySucceeded,
    newlyFailed,
    ignored: failures.filter((pod) => !counts(pod)),
    noted,
    succeeded: isIndexed(job) ? indexes.succeededIndexes.size : succeeded,
    failed: (status?.failed ?? 0) + newlyFailed.length + noted.failed.size,
    ...indexes,
    policyFailure: [...actions.values()].find((match) => match?.action === 'FailJob')?.message,
  };
}

type Indexes = Pick<Survey, 'succeededIndexes' | 'failedIndexes' | 'toReplace'>;

function indexesOf(
  job: Job,
  { active, newlySucceeded, failures }: { readonly [part in 'active' | 'newlySucceeded' | 'failures']: readonly Pod[] },
): Indexes {
  const completions = isIndexed(job) ? (job.spec?.completions ?? 0) : 0;
  const succeededIndexes = parseIndexes(job.status?.completedIndexes, completions);
  for (const pod of newlySucceeded) if (hasIndex(job, pod)) succeededIndexes.add(indexOf(pod));
  if (job.spec?.backoffLimitPerIndex === undefined) return { succeededIndexes, failedIndexes: new Set(), toReplace: new Map() };
  const failedIndexes = parseIndexes(job.status?.failedIndexes, completions);
  for (const pod of failures) {
    if (hasIndex(job, pod) && !succeededIndexes.has(indexOf(pod)) && failsIndex(job, pod)) failedIndexes.add(indexOf(pod));
  }
  const running = new Set(active.map(indexOf));
  const isWaiting = (index: number): boolean =>
    index >= 0 && index < completions && !succeededIndexes.has(index) && !failedIndexes.has(index) && !running.has(index);
  return { succeededIndexes, failedIndexes, toReplace: lastFailures(failures, isWaiting) };
}

/** False for an index that the Job does not have, or no longer. */
export function hasIndex({ spec }: Job, pod: Pod): boolean {
  return indexOf(pod) >= 0 && indexOf(pod) < (spec?.completions ?? 0);
}
