import { deepEqual, namespaceOf, quotaEvaluator, uidOf } from '@keelson/api';
import { ResourceQuota } from '@keelson/api/core/v1';
import type { Runnable } from '@keelson/base';
import { everyMs, fromInformer, namespacedName, type Enqueue, type Source } from '@keelson/controller-runtime';
import { Subject } from 'rxjs';
import type { ControllerFactory } from '../controller-context.ts';
import { reconcilingController } from '../reconciling-controller.ts';
import { MeasuredObjects } from './measured-objects.ts';
import { QuotaReconciler } from './quota-reconciler.ts';

const NAME = 'resourcequota-controller';
const CONCURRENCY = 5;
/** All is counted anew, for what no change tells of. */
const RESYNC_MS = 5 * 60_000;

/** Counts what is used of ResourceQuotas. */
export const resourceQuotaController: ControllerFactory = (context): Runnable => {
  const { client, clock, informers } = context;
  const logger = context.logger.child({ controller: NAME });
  const quotas = informers.for(ResourceQuota);
  const freed = new Subject<ResourceQuota>();
  const objects = new MeasuredObjects({
    client,
    clock,
    logger,
    informers,
    onFreed: (namespace, { group, resource }) => {
      const evaluator = quotaEvaluator(group, resource);
      for (const quota of quotas.list(namespace))
        if (evaluator.matching(Object.keys(quota.spec?.hard ?? {})).length > 0) freed.next(quota);
    },
  });
  const reconciler = new QuotaReconciler({ client, clock, quotas, objects });
  // What the server charges is no reason to count.
  const changed = fromInformer(quotas, undefined, (delta) => {
    if (delta.type === 'deleted') reconciler.forget(uidOf(delta.object));
    return delta.type === 'added' || (delta.type === 'updated' && !deepEqual(delta.old.spec, delta.object.spec));
  });
  const sources = [changed, keysOf(freed), everyMs(clock, RESYNC_MS, () => quotas.list().map(namespacedName))];
  const controller = reconcilingController(context, { name: NAME, reconciler, sources }, { concurrency: CONCURRENCY });
  return {
    name: NAME,
    start: (signal) => controller.start(signal),
    stop: async () => {
      objects[Symbol.dispose]();
      await controller.stop();
    },
  };
};

function keysOf(quotas: Subject<ResourceQuota>): Source {
  return {
    whenSynced: () => Promise.resolve(),
    subscribe: (enqueue: Enqueue) => {
      const subscription = quotas.subscribe((quota) =>
        enqueue({ namespace: namespaceOf(quota), name: quota.metadata?.name ?? '' }),
      );
      return { [Symbol.dispose]: () => subscription.unsubscribe() };
    },
  };
}
