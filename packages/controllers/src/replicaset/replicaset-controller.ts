import { controllerOf } from '@keelson/api';
import { ReplicaSet } from '@keelson/api/apps/v1';
import { Pod } from '@keelson/api/core/v1';
import type { ControllerFactory } from '../controller-context.ts';
import { BY_CONTROLLER, indexByController, ownedBy } from '../pod-control/owner-index.ts';
import { replicatedController } from './replicated-controller.ts';
import type { ReplicatedKind } from './replicated.ts';

const replicaSets: ReplicatedKind<ReplicaSet> = {
  name: 'replicaset-controller',
  kind: ReplicaSet,
  selectorOf: ({ spec }) => spec?.selector,
  countsTerminating: true,
};

/** Keeps as many pods as each ReplicaSet wants. */
export const replicaSetController: ControllerFactory = (context) => {
  const sets = context.informers.for(ReplicaSet);
  const pods = context.informers.for(Pod);
  indexByController(sets);
  /** While a Deployment rolls, the pods of all its ReplicaSets count as one workload. */
  const related = (set: ReplicaSet): readonly Pod[] => {
    const owner = controllerOf(set);
    const siblings = owner ? sets.byIndex(BY_CONTROLLER, owner.uid) : [set];
    return siblings.flatMap((sibling) => ownedBy(pods, sibling));
  };
  return replicatedController(context, replicaSets, related);
};
