import { deepEqual, formatTime, isPodReady, uidOf } from '@keelson/api';
import type { Job, JobCondition } from '@keelson/api/batch/v1';
import type { Pod } from '@keelson/api/core/v1';
import { formatIndexes } from './indexes.ts';
import { announced, announcement, conditionOf, isSuspendedNow, withCondition, type Verdict } from './job-conditions.ts';
import { isIndexed, isTracked } from './job-pods.ts';
import type { Survey } from './survey.ts';

/** What a reconciliation has found and done. */
export interface Outcome {
  readonly found: Survey;
  readonly verdict: Verdict | undefined;
  readonly created: number;
  readonly deleted: readonly Pod[];
  /** The cache showed all that had been done before, so something could be done. */
  readonly isUpToDate: boolean;
  readonly nowMs: number;
}

interface Notes {
  readonly succeeded?: readonly string[] | null | undefined;
  readonly failed?: readonly string[] | null | undefined;
}

export interface JobStatusFields extends Record<string, unknown> {
  readonly uncountedTerminatedPods: Notes;
  readonly conditions: readonly JobCondition[] | undefined;
}

/** Pods that have been noted at a time: the status must not grow without end. */
const MAX_UNCOUNTED = 500;

/**
 * The status in three steps, each a write, so that no end is lost or counted twice, wherever this stops: first the uids of pods that have ended
 * are noted; then their finalizers go; then, when the cache shows that, they move from the notes into the counts.
 */
export function statusOf(job: Job, outcome: Outcome): JobStatusFields {
  const { found, nowMs, verdict } = outcome;
  const { spec, status } = job;
  const { notes, counted } = noteEnds(job, outcome);
  const active = found.active.filter((pod) => !outcome.deleted.includes(pod));
  const activeCount = active.length + outcome.created;
  const terminating = found.terminating.length + outcome.deleted.length;
  const isOver = isEndReached(job, outcome) && activeCount + terminating === 0;
  return {
    active: activeCount || undefined,
    ready: active.filter(isPodReady).length,
    terminating,
    succeeded: (isIndexed(job) ? found.succeededIndexes.size : counted.succeeded) || undefined,
    failed: counted.failed || undefined,
    ...(isIndexed(job) && { completedIndexes: formatIndexes(found.succeededIndexes) || undefined }),
    ...(spec?.backoffLimitPerIndex !== undefined && { failedIndexes: formatIndexes(found.failedIndexes) }),
    uncountedTerminatedPods: notes,
    startTime: verdict || !outcome.isUpToDate ? (status?.startTime ?? startTimeOf(job, nowMs)) : startTimeOf(job, nowMs),
    conditions: conditionsOf(job, outcome, isOver),
    ...(isOver && verdict?.type === 'Complete' && { completionTime: formatTime(nowMs) }),
  };
}

/** Nothing is left to be counted. */
function isEndReached(job: Job, { verdict, isUpToDate, found }: Outcome): boolean {
  if (!verdict || !announced(job) || !isUpToDate) return false;
  return found.noted.succeeded.size + found.noted.failed.size === 0 && !found.pods.some(isTracked);
}

function noteEnds(
  job: Job,
  outcome: Outcome,
): { readonly notes: Notes; readonly counted: { readonly succeeded: number; readonly failed: number } } {
  const { noted, pods, newlySucceeded } = outcome.found;
  const tracked = new Set(pods.filter(isTracked).map(uidOf));
  const succeeded = [...noted.succeeded].filter((uid) => tracked.has(uid));
  const failed = [...noted.failed].filter((uid) => tracked.has(uid));
  const counted = {
    succeeded: (job.status?.succeeded ?? 0) + noted.succeeded.size - succeeded.length,
    failed: (job.status?.failed ?? 0) + noted.failed.size - failed.length,
  };
  const room = (): number => Math.max(0, MAX_UNCOUNTED - succeeded.length - failed.length);
  if (!isIndexed(job)) succeeded.push(...newlySucceeded.slice(0, room()).map(uidOf));
  failed.push(...failuresToNote(outcome).slice(0, room()).map(uidOf));
  return { notes: notesOf(job, succeeded, failed), counted };
}

/** A merge patch keeps the fields that it does not name, so an empty one is `null`. */
function notesOf(job: Job, succeeded: readonly string[], failed: readonly string[]): Notes {
  const known = job.status?.uncountedTerminatedPods;
  const isSame = deepEqual(known?.succeeded ?? [], succeeded) && deepEqual(known?.failed ?? [], failed);
  if (known && isSame) return known;
  return { succeeded: succeeded.length > 0 ? succeeded : null, failed: failed.length > 0 ? failed : null };
}

/** Once the Job fails, every pod that has not succeeded counts as failed; before that, those that are held for their index do not count yet. */
function failuresToNote({ found, verdict }: Outcome): readonly Pod[] {
  if (verdict?.type === 'Failed') return [...found.newlyFailed, ...found.active.filter(isTracked)];
  const held = new Set(verdict ? [] : found.toReplace.values());
  return found.newlyFailed.filter((pod) => !held.has(pod));
}

function conditionsOf(job: Job, { verdict, isUpToDate, nowMs }: Outcome, isOver: boolean): readonly JobCondition[] | undefined {
  const known = job.status?.conditions ?? [];
  const news = verdict ? announcement(verdict, nowMs) : isUpToDate ? suspension(job, nowMs) : undefined;
  const conditions = withCondition(known, news);
  const last = verdict && isOver ? withCondition(conditions, conditionOf({ ...verdict, status: 'True' }, nowMs)) : conditions;
  return last.length > 0 ? last : undefined;
}

function suspension(job: Job, nowMs: number): JobCondition | undefined {
  const type = 'Suspended';
  if (job.spec?.suspend === true)
    return conditionOf({ type, status: 'True', reason: 'JobSuspended', message: 'Job suspended' }, nowMs);
  if (!isSuspendedNow(job)) return undefined;
  return conditionOf({ type, status: 'False', reason: 'JobResumed', message: 'Job resumed' }, nowMs);
}

/** The time that a Job is suspended does not count for its deadline. */
function startTimeOf(job: Job, nowMs: number): string | undefined {
  if (job.spec?.suspend === true) return undefined;
  return isSuspendedNow(job) ? formatTime(nowMs) : (job.status?.startTime ?? formatTime(nowMs));
}
