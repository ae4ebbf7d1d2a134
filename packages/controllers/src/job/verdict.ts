import { parseTime } from '@keelson/api';
import type { Job } from '@keelson/api/batch/v1';
import type { Pod } from '@keelson/api/core/v1';
import { parseIndexes } from './indexes.ts';
import { announced, isSuspendedNow, type Verdict } from './job-conditions.ts';
import { isIndexed } from './job-pods.ts';
import type { Survey } from './survey.ts';

/** Whether the Job has to end, and how; `undefined` while it goes on. */
export function verdictOn(job: Job, found: Survey, nowMs: number): Verdict | undefined {
  return announced(job) ?? failureOf(job, found, nowMs) ?? successOf(job, found);
}

function failureOf(job: Job, found: Survey, nowMs: number): Verdict | undefined {
  const { spec } = job;
  if (found.policyFailure !== undefined) return failed('PodFailurePolicy', found.policyFailure);
  const limit = spec?.backoffLimit ?? 6;
  if (found.failed > limit || isRestartedTooOften(job, found.pods, limit))
    return failed('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
  if (untilDeadlineMs(job, nowMs) === 0) return failed('DeadlineExceeded', 'Job was active longer than specified deadline');
  const { failedIndexes, succeededIndexes } = found;
  if (spec?.maxFailedIndexes !== undefined && failedIndexes.size > spec.maxFailedIndexes)
    return failed('MaxFailedIndexesExceeded', 'Job has exceeded the specified maximal number of failed indexes');
  if (failedIndexes.size > 0 && failedIndexes.size + succeededIndexes.size >= (spec?.completions ?? Infinity))
    return failed('FailedIndexes', 'Job has failed indexes');
  return undefined;
}

function failed(reason: string, message: string): Verdict {
  return { type: 'Failed', reason, message };
}

function successOf(job: Job, { succeeded, succeededIndexes, active }: Survey): Verdict | undefined {
  const type = 'Complete';
  const rule = isIndexed(job) ? matchingRule(job, succeededIndexes) : -1;
  if (rule >= 0) return { type, reason: 'SuccessPolicy', message: `Matched rules at index ${rule}` };
  const completions = job.spec?.completions;
  // Without a number of completions one success is enough, once the other pods have ended too.
  const isEnough = completions === undefined ? succeeded > 0 : succeeded >= completions;
  if (!isEnough || active.length > 0) return undefined;
  return { type, reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' };
}

function matchingRule({ spec }: Job, succeeded: ReadonlySet<number>): number {
  return (spec?.successPolicy?.rules ?? []).findIndex(({ succeededIndexes, succeededCount }) => {
    const wanted = succeededIndexes === undefined ? undefined : parseIndexes(succeededIndexes, spec?.completions ?? 0);
    const count = wanted ? [...wanted].filter((index) => succeeded.has(index)).length : succeeded.size;
    return count >= (succeededCount ?? wanted?.size ?? Infinity);
  });
}

/** Containers that are restarted in place count too: as many restarts as the limit are too many, or one if there may be none. */
function isRestartedTooOften({ spec }: Job, pods: readonly Pod[], limit: number): boolean {
  if (spec?.template?.spec?.restartPolicy !== 'OnFailure') return false;
  const statuses = pods
    .filter(({ status }) => status?.phase === 'Running' || status?.phase === 'Pending')
    .flatMap(({ status }) => [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])]);
  const restarts = statuses.reduce((sum, { restartCount }) => sum + restartCount, 0);
  return restarts >= Math.max(1, limit);
}

/** `undefined` if there is no deadline, or if it does not run. */
export function untilDeadlineMs(job: Job, nowMs: number): number | undefined {
  const seconds = job.spec?.activeDeadlineSeconds;
  const startMs = parseTime(job.status?.startTime);
  if (seconds === undefined || startMs === undefined || job.spec?.suspend === true || isSuspendedNow(job)) return undefined;
  return Math.max(0, startMs + seconds * 1000 - nowMs);
}
