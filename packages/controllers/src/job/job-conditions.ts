import { findCondition, formatTime } from '@keelson/api';
import type { Job, JobCondition } from '@keelson/api/batch/v1';

/** That a Job ends, and why. */
export interface Verdict {
  readonly type: 'Complete' | 'Failed';
  readonly reason: string;
  readonly message: string;
}

/** What announces an end while pods are still running or uncounted. */
const ANNOUNCED = { Complete: 'SuccessCriteriaMet', Failed: 'FailureTarget' } as const;

export function isFinished(job: Job): boolean {
  return finishedAs(job) !== undefined;
}

/** How it has ended; `undefined` as long as it has not. */
export function finishedAs({ status }: Job): 'Complete' | 'Failed' | undefined {
  if (isTrue(status?.conditions, 'Complete')) return 'Complete';
  return isTrue(status?.conditions, 'Failed') ? 'Failed' : undefined;
}

/** The end that was announced before. */
export function announced({ status }: Job): Verdict | undefined {
  for (const type of ['Failed', 'Complete'] as const) {
    const condition = findCondition(status?.conditions, ANNOUNCED[type]);
    if (condition?.status === 'True') return { type, reason: condition.reason ?? '', message: condition.message ?? '' };
  }
  return undefined;
}

export function isSuspendedNow({ status }: Job): boolean {
  return isTrue(status?.conditions, 'Suspended');
}

export function announcement({ type, reason, message }: Verdict, nowMs: number): JobCondition {
  return conditionOf({ type: ANNOUNCED[type], status: 'True', reason, message }, nowMs);
}

export function conditionOf(
  condition: Pick<JobCondition, 'type' | 'status' | 'reason' | 'message'>,
  nowMs: number,
): JobCondition {
  const time = formatTime(nowMs);
  return { ...condition, lastProbeTime: time, lastTransitionTime: time };
}

/** The conditions with this one in place of any of its type; untouched if it says nothing new. */
export function withCondition(conditions: readonly JobCondition[], added: JobCondition | undefined): readonly JobCondition[] {
  if (!added) return conditions;
  const known = conditions.find(({ type }) => type === added.type);
  if (known?.status === added.status && known.reason === added.reason && known.message === added.message) return conditions;
  return [...conditions.filter(({ type }) => type !== added.type), added];
}

function isTrue(conditions: JobCondition[] | undefined, type: string): boolean {
  return findCondition(conditions, type)?.status === 'True';
}
