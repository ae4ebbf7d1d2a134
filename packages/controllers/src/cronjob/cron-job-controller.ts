import { uidOf } from '@keelson/api';
import { CronJob, Job } from '@keelson/api/batch/v1';
import { fromInformer, ownedBy } from '@keelson/controller-runtime';
import type { ControllerFactory } from '../controller-context.ts';
import { indexByController } from '../pod-control/owner-index.ts';
import { reconcilingController } from '../reconciling-controller.ts';
import { UnseenWrites } from '../unseen-writes.ts';
import { CronJobReconciler } from './cron-job-reconciler.ts';

const CONCURRENCY = 5;

/** Starts Jobs by the clock. */
export const cronJobController: ControllerFactory = (context) => {
  const { client, clock, events, informers } = context;
  const cronJobs = informers.for(CronJob);
  const jobs = informers.for(Job);
  indexByController(jobs);
  const unseen = new UnseenWrites({ clock, cache: cronJobs });
  const reconciler = new CronJobReconciler({ client, clock, events, cronJobs, jobs, unseen });
  const changed = fromInformer(cronJobs, undefined, ({ type, object }) => {
    if (type === 'deleted') unseen.forget(uidOf(object));
    return true;
  });
  const sources = [changed, ownedBy(jobs, CronJob)];
  return reconcilingController(context, { name: 'cronjob-controller', reconciler, sources }, { concurrency: CONCURRENCY });
};
