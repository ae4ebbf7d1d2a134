import { deepEqual, namespaceOf, type KubernetesObject } from '@keelson/api';
import { Pod } from '@keelson/api/core/v1';
import { PodDisruptionBudget } from '@keelson/api/policy/v1';
import { Lifecycle, type Runnable } from '@keelson/base';
import { fromInformer, namespacedName } from '@keelson/controller-runtime';
import type { ControllerFactory } from '../controller-context.ts';
import { reconcilingController } from '../reconciling-controller.ts';
import { BudgetReconciler, selectorOf } from './budget-reconciler.ts';
import { isAboutToGo, StaleDisruptions } from './stale-disruptions.ts';
import { WorkloadScales } from './workload-scales.ts';

const NAME = 'disruption-controller';

/** Keeps the status of PodDisruptionBudgets, and takes back from pods that they are about to go, if they do not. */
export const disruptionController: ControllerFactory = (context): Runnable => {
  const { client, clock, events, informers, logger } = context;
  const budgets = informers.for(PodDisruptionBudget);
  const pods = informers.for(Pod);
  const scales = new WorkloadScales({ client, clock, informers });
  const budgetsOf = ({ metadata }: KubernetesObject) =>
    budgets
      .list(namespaceOf({ metadata }))
      .filter((budget) => selectorOf(budget).matches(metadata?.labels))
      .map(namespacedName);
  const ofPods = fromInformer(pods, budgetsOf, (delta) => delta.type !== 'updated' || matters(delta.old, delta.object));
  const reconciler = new BudgetReconciler({ client, clock, events, budgets, pods, scales });
  const ofStale = fromInformer(pods, undefined, ({ type, object }) => type !== 'deleted' && isAboutToGo(object));
  const lifecycle = new Lifecycle(logger);
  lifecycle.add(reconcilingController(context, { name: NAME, reconciler, sources: [fromInformer(budgets), ofPods] }));
  const staleDisruptions = new StaleDisruptions({ client, clock, pods });
  lifecycle.add(reconcilingController(context, { name: `${NAME}-stale-pods`, reconciler: staleDisruptions, sources: [ofStale] }));
  return { name: NAME, start: (signal) => lifecycle.start(signal), stop: () => lifecycle.stop() };
};

/** What a budget looks at. */
function matters(before: Pod, after: Pod): boolean {
  const seen = ({ metadata, status }: Pod): unknown => [
    metadata?.labels,
    metadata?.deletionTimestamp,
    metadata?.ownerReferences,
    status?.conditions?.find(({ type }) => type === 'Ready')?.status,
  ];
  return !deepEqual(seen(before), seen(after));
}
