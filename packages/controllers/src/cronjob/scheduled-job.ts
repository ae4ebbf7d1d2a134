import { controllerReference, nameOf, namespaceOf, type TimeZone } from '@keelson/api';
import { CronJob, type Job } from '@keelson/api/batch/v1';

const SCHEDULED = 'batch.kubernetes.io/cronjob-scheduled-timestamp';
const MINUTE_MS = 60_000;

/** The name follows from the time, so that no run can be started twice. */
export function scheduledName(cronJob: CronJob, scheduledMs: number): string {
  return `${nameOf(cronJob)}-${Math.floor(scheduledMs / MINUTE_MS)}`;
}

/** The Job for one run. */
export function scheduledJob(cronJob: CronJob, scheduledMs: number, zone: TimeZone): Job {
  const { metadata, spec } = cronJob.spec?.jobTemplate ?? {};
  return structuredClone({
    metadata: {
      name: scheduledName(cronJob, scheduledMs),
      namespace: namespaceOf(cronJob),
      ...(metadata?.labels && { labels: metadata.labels }),
      annotations: { ...metadata?.annotations, [SCHEDULED]: timeIn(zone, scheduledMs) },
      ownerReferences: [controllerReference(cronJob, CronJob)],
    },
    ...(spec && { spec }),
  });
}

/** RFC 3339, as clocks of the zone show it: `2026-07-01T09:00:00+02:00`. */
export function timeIn(zone: TimeZone, instantMs: number): string {
  const offsetMinutes = Math.round(zone.offsetMs(instantMs) / MINUTE_MS);
  const shown = new Date(instantMs + offsetMinutes * MINUTE_MS).toISOString().slice(0, 19);
  if (offsetMinutes === 0) return `${shown}Z`;
  const [hours, minutes] = [Math.floor(Math.abs(offsetMinutes) / 60), Math.abs(offsetMinutes) % 60];
  return `${shown}${offsetMinutes < 0 ? '-' : '+'}${twoDigits(hours)}:${twoDigits(minutes)}`;
}

function twoDigits(number: number): string {
  return String(number).padStart(2, '0');
}
