import { nameOf, namespaceOf, parseTime, uidOf } from '@keelson/api';
import { Job, type CronJob } from '@keelson/api/batch/v1';
import type { ObjectReference } from '@keelson/api/core/v1';
import type { Client } from '@keelson/client';
import type { EventRecorder } from '@keelson/controller-runtime';
import { finishedAs } from '../job/job-conditions.ts';

interface Dependencies {
  readonly client: Client;
  readonly events: EventRecorder;
}

/** Those of `status.active` that still run. Tells of what has ended, is gone, or is there without being listed. */
export async function stillActive(
  { client, events }: Dependencies,
  cronJob: CronJob,
  jobs: readonly Job[],
): Promise<readonly ObjectReference[]> {
  const listed = cronJob.status?.active ?? [];
  for (const job of jobs) {
    const isListed = listed.some(({ uid }) => uid === uidOf(job));
    if (!isListed && finishedAs(job) === undefined) {
      const message = `Saw a job that the controller did not create or forgot: ${nameOf(job)}`;
      events.event(cronJob, 'Warning', 'UnexpectedJob', message);
    }
  }
  const active: ObjectReference[] = [];
  for (const reference of listed) {
    const known = jobs.find((job) => uidOf(job) === reference.uid);
    // A cache that lags behind may not have it yet.
    const job = known ?? (await client.resource(Job).find({ name: reference.name ?? '', namespace: namespaceOf(cronJob) }));
    const end = job && finishedAs(job);
    if (!job) events.event(cronJob, 'Normal', 'MissingJob', `Active job went missing: ${reference.name}`);
    else if (end) events.event(cronJob, 'Normal', 'SawCompletedJob', `Saw completed job: ${reference.name}, condition: ${end}`);
    else active.push(reference);
  }
  return active;
}

/** When the last Job that succeeded was complete. */
export function lastSuccess({ status }: CronJob, jobs: readonly Job[]): string | undefined {
  let last = status?.lastSuccessfulTime;
  for (const job of jobs) {
    const time = finishedAs(job) === 'Complete' ? job.status?.completionTime : undefined;
    if (time !== undefined && (parseTime(time) ?? 0) > (parseTime(last) ?? 0)) last = time;
  }
  return last;
}

/** As it is listed. */
export function referenceTo(job: Job): ObjectReference {
  const { name, namespace, uid, resourceVersion } = job.metadata ?? {};
  return { apiVersion: 'batch/v1', kind: 'Job', name, namespace, uid, resourceVersion };
}
