import { nameOf } from '@keelson/api';
import type { CronJob, Job } from '@keelson/api/batch/v1';
import { finishedAs } from '../job/job-conditions.ts';

/** Finished Jobs beyond those that are to be kept, the oldest first. */
export function jobsToForget({ spec }: CronJob, jobs: readonly Job[]): readonly Job[] {
  const beyond = (type: 'Complete' | 'Failed', limit: number | undefined): readonly Job[] => {
    const finished = jobs.filter((job) => finishedAs(job) === type).toSorted(byStart);
    return limit === undefined ? [] : finished.slice(0, Math.max(0, finished.length - limit));
  };
  return [...beyond('Complete', spec?.successfulJobsHistoryLimit), ...beyond('Failed', spec?.failedJobsHistoryLimit)];
}

/** One that has not begun comes last. */
function byStart(a: Job, b: Job): number {
  const [ofA, ofB] = [a.status?.startTime ?? '~', b.status?.startTime ?? '~'];
  if (ofA !== ofB) return ofA < ofB ? -1 : 1;
  return nameOf(a) < nameOf(b) ? -1 : 1;
}
