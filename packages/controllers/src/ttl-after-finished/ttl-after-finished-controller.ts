import { findCondition, parseTime, uidOf } from '@keelson/api';
import { Job } from '@keelson/api/batch/v1';
import { isReason, type Clock } from '@keelson/base';
import type { Client } from '@keelson/client';
import {
  fromInformer,
  keyText,
  type Lister,
  type NamespacedName,
  type Reconciler,
  type ReconcileResult,
} from '@keelson/controller-runtime';
import type { ControllerFactory } from '../controller-context.ts';
import { finishedAs } from '../job/job-conditions.ts';
import { reconcilingController } from '../reconciling-controller.ts';

const CONCURRENCY = 5;

interface Dependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly jobs: Lister<Job>;
}

/** When a Job may be deleted; `undefined` if it may not. */
export function expiryMs(job: Job): number | undefined {
  const seconds = job.spec?.ttlSecondsAfterFinished;
  const end = finishedAs(job);
  if (seconds === undefined || end === undefined || job.metadata?.deletionTimestamp !== undefined) return undefined;
  const endMs = parseTime(findCondition(job.status?.conditions, end)?.lastTransitionTime);
  return endMs === undefined ? undefined : endMs + seconds * 1000;
}

class TtlReconciler implements Reconciler {
  readonly #dependencies: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  async reconcile(key: NamespacedName): Promise<ReconcileResult> {
    const { client, clock, jobs } = this.#dependencies;
    const leftMs = (job: Job | undefined): number => ((job && expiryMs(job)) ?? Infinity) - clock.now();
    const known = jobs.getByKey(keyText(key));
    // The time may have been changed just now, and a deletion cannot be taken back: the server itself is asked.
    const job = known && leftMs(known) <= 0 ? await client.resource(Job).find(key) : known;
    const waitMs = leftMs(job);
    if (!job || waitMs === Infinity) return {};
    if (waitMs > 0) return { requeueAfterMs: waitMs };
    const { resourceVersion } = job.metadata ?? {};
    const preconditions = { uid: uidOf(job), ...(resourceVersion !== undefined && { resourceVersion }) };
    try {
      await client.resource(Job).delete(key, { propagationPolicy: 'Foreground', preconditions });
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error;
    }
    return {};
  }
}

/** Deletes Jobs, and what they have made, some time after they have ended. */
export const ttlAfterFinishedController: ControllerFactory = (context) => {
  const { client, clock, informers } = context;
  const jobs = informers.for(Job);
  const reconciler = new TtlReconciler({ client, clock, jobs });
  const sources = [fromInformer(jobs)];
  return reconcilingController(
    context,
    { name: 'ttl-after-finished-controller', reconciler, sources },
    { concurrency: CONCURRENCY },
  );
};
