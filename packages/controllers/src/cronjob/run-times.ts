import { parseTime, type CronSchedule } from '@keelson/api';
import type { CronJob } from '@keelson/api/batch/v1';

/** Runs that were missed beyond this many say that something is wrong: a clock, or a CronJob that was out of sight for long. */
const MANY = 100;
/** A timer that fires a moment early would find nothing due. */
const MARGIN_MS = 100;

/** What is due of a CronJob. */
export interface DueRun {
  /** The latest time that has passed and that nothing was started for. */
  readonly dueMs: number | undefined;
  readonly hasMissedMany: boolean;
}

const NOTHING: DueRun = { dueMs: undefined, hasMissedMany: false };

/** Of the runs since the last one only the latest counts, and of none that is older than the starting deadline. */
export function dueRun(cronJob: CronJob, schedule: CronSchedule, nowMs: number): DueRun {
  const deadlineSeconds = cronJob.spec?.startingDeadlineSeconds;
  const oldestMs = deadlineSeconds === undefined ? 0 : nowMs - deadlineSeconds * 1000;
  return dueSince(schedule, Math.max(lastMs(cronJob), oldestMs), nowMs);
}

/** Until the next run; also of one that is due and may not start. */
export function untilNextRunMs(cronJob: CronJob, schedule: CronSchedule, nowMs: number): number | undefined {
  const sinceMs = lastMs(cronJob);
  const { dueMs } = dueSince(schedule, sinceMs, nowMs);
  const nextMs = schedule.next(dueMs ?? sinceMs);
  const futureMs = nextMs === undefined || nextMs > nowMs ? nextMs : schedule.next(nowMs);
  return futureMs === undefined ? undefined : futureMs - nowMs + MARGIN_MS;
}

function lastMs({ metadata, status }: CronJob): number {
  return parseTime(status?.lastScheduleTime) ?? parseTime(metadata?.creationTimestamp) ?? 0;
}

/**
 * Counts by the distance of the first two runs, so that it takes no longer the more were missed. Example: hourly, last at 1:00, now 9:30: the
 * first is 2:00, so 8 were missed; from the one before the last that this gives, 8:00, it goes on to 9:00.
 */
function dueSince(schedule: CronSchedule, sinceMs: number, nowMs: number): DueRun {
  const firstMs = schedule.next(sinceMs);
  if (firstMs === undefined || nowMs < firstMs) return NOTHING;
  const secondMs = schedule.next(firstMs) ?? Infinity;
  if (nowMs < secondMs) return { dueMs: firstMs, hasMissedMany: false };
  const periodMs = secondMs - firstMs;
  const missed = Math.floor((nowMs - firstMs) / periodMs) + 1;
  let dueMs: number | undefined;
  let timeMs = schedule.next(firstMs + (missed - 2) * periodMs);
  while (timeMs !== undefined && timeMs <= nowMs) {
    dueMs = timeMs;
    timeMs = schedule.next(timeMs);
  }
  return { dueMs, hasMissedMany: missed > MANY };
}
