import { parseCronSchedule, TimeZone } from '@keelson/api';
import type { CronJob } from '@keelson/api/batch/v1';
import { describe, expect, it } from 'vitest';
import { dueRun, untilNextRunMs } from './run-times.ts';

const CREATED = '2026-01-01T10:07:30Z';

interface Case {
  readonly schedule: string;
  readonly now: string;
  readonly last?: string;
  readonly deadline?: number;
  readonly due: string | undefined;
  readonly next: string;
  readonly many?: boolean;
}

function cronJob({ schedule, last, deadline }: Case): CronJob {
  return {
    metadata: { creationTimestamp: CREATED },
    spec: { schedule, jobTemplate: {}, ...(deadline !== undefined && { startingDeadlineSeconds: deadline }) },
    status: { ...(last !== undefined && { lastScheduleTime: last }) },
  };
}

const time = (ms: number | undefined): string | undefined => (ms === undefined ? undefined : new Date(ms).toISOString());

describe('run times', () => {
  it.each<Case>([
    { schedule: '0 * * * *', now: '2026-01-01T10:59:59Z', due: undefined, next: '2026-01-01T11:00:00.100Z' },
    { schedule: '0 * * * *', now: '2026-01-01T11:00:00Z', due: '2026-01-01T11:00:00.000Z', next: '2026-01-01T12:00:00.100Z' },
    { schedule: '0 * * * *', now: '2026-01-01T14:30:00Z', due: '2026-01-01T14:00:00.000Z', next: '2026-01-01T15:00:00.100Z' },
    {
      schedule: '0 * * * *',
      last: '2026-01-01T14:00:00Z',
      now: '2026-01-01T14:30:00Z',
      due: undefined,
      next: '2026-01-01T15:00:00.100Z',
    },
    // Only so much later may a run still start.
    { schedule: '0 * * * *', deadline: 60, now: '2026-01-01T14:30:00Z', due: undefined, next: '2026-01-01T15:00:00.100Z' },
    {
      schedule: '0 * * * *',
      deadline: 3600,
      now: '2026-01-01T14:30:00Z',
      due: '2026-01-01T14:00:00.000Z',
      next: '2026-01-01T15:00:00.100Z',
    },
    // It counts from the last run, or from the beginning.
    { schedule: '@every 1h', now: '2026-01-01T11:30:00Z', due: '2026-01-01T11:07:30.000Z', next: '2026-01-01T12:07:30.100Z' },
    { schedule: '@every 1h', now: '2026-01-01T16:30:00Z', due: '2026-01-01T16:07:30.000Z', next: '2026-01-01T17:07:30.100Z' },
    {
      schedule: '30 6-16/4 * * 1-5',
      last: '2026-01-02T14:30:00Z',
      now: '2026-01-05T07:00:00Z',
      due: '2026-01-05T06:30:00.000Z',
      next: '2026-01-05T10:30:00.100Z',
    },
    {
      schedule: '*/5 * * * *',
      now: '2026-01-03T00:01:00Z',
      due: '2026-01-03T00:00:00.000Z',
      next: '2026-01-03T00:05:00.100Z',
      many: true,
    },
  ])('of "$schedule" at $now since $last within $deadline s: $due, then $next', (each) => {
    const schedule = parseCronSchedule(each.schedule, TimeZone.find('UTC'));
    const nowMs = Date.parse(each.now);
    const { dueMs, hasMissedMany } = dueRun(cronJob(each), schedule, nowMs);

    expect(time(dueMs)).toBe(each.due);
    expect(hasMissedMany).toBe(each.many ?? false);
    expect(time(nowMs + (untilNextRunMs(cronJob(each), schedule, nowMs) ?? 0))).toBe(each.next);
  });
});
