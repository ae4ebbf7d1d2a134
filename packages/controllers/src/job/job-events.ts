import { findCondition } from '@keelson/api';
import type { Job } from '@keelson/api/batch/v1';
import type { EventRecorder } from '@keelson/controller-runtime';

/** Tells of conditions that have changed. */
export function announceChanges(events: EventRecorder, before: Job, after: Job): void {
  const statusOf = (job: Job, type: string): string | undefined => findCondition(job.status?.conditions, type)?.status;
  const becomes = (type: string, status: string): boolean =>
    statusOf(after, type) === status && statusOf(before, type) !== status;
  if (becomes('Suspended', 'True')) events.event(after, 'Normal', 'Suspended', 'Job suspended');
  if (becomes('Suspended', 'False')) events.event(after, 'Normal', 'Resumed', 'Job resumed');
  if (becomes('Complete', 'True') && (after.status?.succeeded ?? 0) > (after.spec?.completions ?? Infinity))
    events.event(after, 'Warning', 'TooManySucceededPods', 'Too many succeeded pods running after completion count reached');
  if (becomes('Complete', 'True')) events.event(after, 'Normal', 'Completed', 'Job completed');
  const failure = findCondition(after.status?.conditions, 'Failed');
  if (becomes('Failed', 'True')) events.event(after, 'Warning', failure?.reason ?? 'Failed', failure?.message ?? '');
}
