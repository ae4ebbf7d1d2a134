import { controllerOf, namespaceOf, uidOf } from '@keelson/api';
import { Job } from '@keelson/api/batch/v1';
import { Pod } from '@keelson/api/core/v1';
import { Expectations, fromInformer, ownedBy } from '@keelson/controller-runtime';
import type { ControllerFactory } from '../controller-context.ts';
import { indexByController } from '../pod-control/owner-index.ts';
import { PodControl } from '../pod-control/pod-control.ts';
import { reconcilingController } from '../reconciling-controller.ts';
import { podSource } from '../pod-control/pod-source.ts';
import type { PodOwnerKind } from '../pod-control/pod-owner-kind.ts';
import { isTracked } from './job-pods.ts';
import { BY_TRACKING_JOB, JobReconciler } from './job-reconciler.ts';

const CONCURRENCY = 5;

const adapter: PodOwnerKind<Job> = { kind: Job, selectorOf: ({ spec }) => spec?.selector };

/** Runs pods to their end, as often as each Job wants. */
export const jobController: ControllerFactory = (context) => {
  const { client, clock, events, informers } = context;
  const jobs = informers.for(Job);
  const pods = informers.for(Pod);
  indexByController(pods);
  pods.addIndexer(BY_TRACKING_JOB, (pod) => {
    const owner = controllerOf(pod);
    return owner?.kind === Job.kind && isTracked(pod) ? [`${namespaceOf(pod)}/${owner.name}`] : [];
  });
  const expectations = new Expectations({ clock });
  const podControl = new PodControl({ client, events, ownerKind: Job });
  const reconciler = new JobReconciler({ client, clock, events, jobs, pods, expectations, podControl });
  const changed = fromInformer(jobs, undefined, ({ type, object }) => {
    if (type === 'deleted') reconciler.forget(uidOf(object));
    return true;
  });
  const sources = [podSource({ adapter, sets: jobs, pods, expectations }), changed, ownedBy(pods, Job)];
  return reconcilingController(context, { name: 'job-controller', reconciler, sources }, { concurrency: CONCURRENCY });
};
