import type { Job, JobStatus } from '@keelson/api/batch/v1';
import { checkNonNegative } from '../../validation/checks.ts';
import { sameJson } from '../../validation/equality.ts';
import type { FieldError } from '../../validation/field-error.ts';
import { checkEach, Field, Unique } from '../../validation/field.ts';
import { commonIndex, parseIndexes } from './index-intervals.ts';

const COUNTS = ['active', 'succeeded', 'failed', 'ready', 'terminating'] as const;
const TERMINAL = ['Failed', 'Complete', 'FailureTarget'] as const;

function isTrue(status: JobStatus, type: string): boolean {
  return (status.conditions ?? []).some((condition) => condition.type === type && condition.status === 'True');
}

/** A status before and after a change. What has not changed is not judged: older rules may have let it in. */
interface Change {
  readonly job: Job;
  readonly status: JobStatus;
  readonly old: JobStatus;
  readonly at: Field;
  /** Whether a condition of that type became true or ceased to be. */
  flipped(type: string): boolean;
  differs(field: keyof JobStatus): boolean;
}

export function validateJobStatusUpdate(job: Job, oldJob: Readonly<Job>): readonly FieldError[] {
  return Field.collect((root) => {
    const [status, old] = [job.status ?? {}, oldJob.status ?? {}];
    const flipped = (type: string): boolean => isTrue(status, type) !== isTrue(old, type);
    const differs = (field: keyof JobStatus): boolean => !sameJson(status[field], old[field]);
    const change: Change = { job, status, old, at: root.child('status'), flipped, differs };
    for (const name of COUNTS) checkNonNegative(status[name], change.at, name);
    checkUncounted(status, change.at);
    checkConditions(change);
    checkTimes(change);
    checkFinished(change);
    checkIndexes(change);
    checkCriteria(change);
    checkProgress(change);
  });
}

function checkUncounted({ uncountedTerminatedPods }: JobStatus, at: Field): void {
  const unique = new Unique();
  for (const list of ['succeeded', 'failed'] as const) {
    checkEach(uncountedTerminatedPods?.[list], at.child('uncountedTerminatedPods'), list, (uid, uidAt) => {
      if (uid === '') uidAt.invalid(uid, 'must not be empty');
      else if (!unique.add(uid)) uidAt.duplicate(uid);
    });
  }
}

function checkConditions({ status, at, flipped }: Change): void {
  const isComplete = isTrue(status, 'Complete');
  const conditions = at.child('conditions');
  if (isComplete && isTrue(status, 'Failed') && (flipped('Complete') || flipped('Failed')))
    conditions.invalidAsIs('cannot set Complete=True and Failed=true conditions');
  if (isComplete && isTrue(status, 'FailureTarget') && (flipped('Complete') || flipped('FailureTarget')))
    conditions.invalidAsIs('cannot set Complete=True and FailureTarget=true conditions');
}

function checkTimes({ status, at, flipped, differs }: Change): void {
  const { startTime, completionTime } = status;
  const isComplete = isTrue(status, 'Complete');
  if (flipped('Complete') || differs('completionTime')) {
    if (completionTime !== undefined && !isComplete)
      at.child('completionTime').invalid(completionTime, 'cannot set completionTime when there is no Complete=True condition');
    if (completionTime === undefined && isComplete)
      at.child('completionTime').required('completionTime is required for Complete jobs');
  }
  if (!differs('startTime') && !differs('completionTime')) return;
  if (startTime !== undefined && completionTime !== undefined && Date.parse(completionTime) < Date.parse(startTime))
    at.child('completionTime').invalid(completionTime, 'completionTime cannot be set before startTime');
}

function checkFinished({ status, at, flipped, differs }: Change): void {
  const { uncountedTerminatedPods: uncounted, active = 0, ready = 0, terminating = 0 } = status;
  const conditions = at.child('conditions');
  if (isTrue(status, 'Failed') && !isTrue(status, 'FailureTarget') && (flipped('Failed') || flipped('FailureTarget')))
    conditions.invalidAsIs('cannot set Failed=True condition without the FailureTarget=true condition');
  if (
    isTrue(status, 'Complete') &&
    !isTrue(status, 'SuccessCriteriaMet') &&
    (flipped('Complete') || flipped('SuccessCriteriaMet'))
  )
    conditions.invalidAsIs('cannot set Complete=True condition without the SuccessCriteriaMet=true condition');
  if ((differs('ready') || differs('active')) && ready > active)
    at.child('ready').invalid(ready, 'cannot set more ready pods than active');
  if (!isTrue(status, 'Complete') && !isTrue(status, 'Failed')) return;
  const isNew = flipped('Complete') || flipped('Failed');
  if (active > 0 && (isNew || differs('active'))) at.child('active').invalid(active, 'active>0 is invalid for finished job');
  if (status.startTime === undefined && (isNew || differs('startTime')))
    at.child('startTime').required('startTime is required for finished job');
  const waiting = (uncounted?.failed ?? []).length + (uncounted?.succeeded ?? []).length;
  if (waiting > 0 && (isNew || differs('uncountedTerminatedPods'))) {
    at.child('uncountedTerminatedPods').invalid(uncounted, 'uncountedTerminatedPods needs to be empty for finished job');
  }
  if (terminating > 0 && (isNew || differs('terminating')))
    at.child('terminating').invalid(terminating, 'terminating>0 is invalid for finished job');
}

function checkIndexes({ job, status, at, differs }: Change): void {
  const { completions, completionMode, backoffLimitPerIndex } = job.spec ?? {};
  const { completedIndexes = '', failedIndexes } = status;
  if (differs('completedIndexes')) {
    checkIndexText(completedIndexes, completions, at, 'completedIndexes');
    if (completedIndexes !== '' && completionMode !== 'Indexed') {
      const problem = 'cannot set non-empty completedIndexes when non-indexed completion mode';
      at.child('completedIndexes').invalid(completedIndexes, problem);
    }
  }
  if (failedIndexes === undefined) return;
  if (differs('failedIndexes')) {
    if (backoffLimitPerIndex !== undefined) checkIndexText(failedIndexes, completions, at, 'failedIndexes');
    else at.child('failedIndexes').invalid(failedIndexes, 'cannot set non-null failedIndexes when backoffLimitPerIndex is null');
  }
  if (completions === undefined || (!differs('failedIndexes') && !differs('completedIndexes'))) return;
  const [failed, completed] = [parseIndexes(failedIndexes, completions), parseIndexes(completedIndexes, completions)];
  if (typeof failed === 'string' || typeof completed === 'string') return;
  const common = commonIndex(completed.intervals, failed.intervals);
  if (common !== undefined)
    at.child('failedIndexes').invalid(failedIndexes, `failedIndexes and completedIndexes overlap at index: ${common}`);
}

function checkIndexText(text: string, completions: number | undefined, at: Field, name: string): void {
  const parsed = completions === undefined ? undefined : parseIndexes(text, completions);
  if (typeof parsed === 'string') at.child(name).invalid(text, `error parsing ${name}: ${parsed}`);
}

function checkCriteria({ job, status, at }: Change): void {
  const isMet = isTrue(status, 'SuccessCriteriaMet');
  const conditions = at.child('conditions');
  if (isMet && isTrue(status, 'Failed')) conditions.invalidAsIs('cannot set SuccessCriteriaMet=True and Failed=true conditions');
  if (isMet && isTrue(status, 'FailureTarget'))
    conditions.invalidAsIs('cannot set SuccessCriteriaMet=True and FailureTarget=true conditions');
  if (job.spec?.successPolicy !== undefined && !isMet && isTrue(status, 'Complete'))
    conditions.invalidAsIs('cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True');
}

/** What is over stays so, and what was counted stays counted. */
function checkProgress({ job, status, old, at, differs }: Change): void {
  const conditions = at.child('conditions');
  for (const type of TERMINAL) {
    if (isTrue(old, type) && !isTrue(status, type)) conditions.invalidAsIs(`cannot disable the terminal ${type}=True condition`);
  }
  const { failed = 0, succeeded = 0, completionTime } = status;
  if (failed < (old.failed ?? 0)) at.child('failed').invalid(failed, 'cannot decrease the failed counter');
  const mayShrink = job.spec?.completionMode === 'Indexed' && job.spec.completions === job.spec.parallelism;
  if (succeeded < (old.succeeded ?? 0) && !mayShrink)
    at.child('succeeded').invalid(succeeded, 'cannot decrease the succeeded counter');
  if (completionTime !== undefined && old.completionTime !== undefined && differs('completionTime'))
    at.child('completionTime').invalid(completionTime, 'completionTime cannot be mutated');
  if (old.startTime !== undefined && differs('startTime') && job.spec?.suspend !== true)
    at.child('startTime').required('startTime cannot be removed for unsuspended job');
  const [isMet, wasMet] = [isTrue(status, 'SuccessCriteriaMet'), isTrue(old, 'SuccessCriteriaMet')];
  if (wasMet && !isMet) conditions.invalidAsIs('cannot disable the SuccessCriteriaMet=True condition');
  if (isTrue(old, 'Complete') && !wasMet && isMet)
    conditions.invalidAsIs('cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions');
}
