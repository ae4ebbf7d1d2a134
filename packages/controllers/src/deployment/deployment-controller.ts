import { controllerOf, isPodTerminal, namespaceOf } from '@keelson/api';
import { Deployment, ReplicaSet } from '@keelson/api/apps/v1';
import { Pod } from '@keelson/api/core/v1';
import { fromInformer, namespacedName, ownedBy, type Delta, type Lister, type NamespacedName } from '@keelson/controller-runtime';
import type { ControllerFactory } from '../controller-context.ts';
import { indexByController } from '../pod-control/owner-index.ts';
import { reconcilingController } from '../reconciling-controller.ts';
import { adoptersOf, DeploymentReconciler } from './deployment-reconciler.ts';

/** Deployments that are worked on at the same time. */
const CONCURRENCY = 5;

/** Rolls Deployments out by their ReplicaSets. */
export const deploymentController: ControllerFactory = (context) => {
  const { client, clock, events, informers } = context;
  const deployments = informers.for(Deployment);
  const replicaSets = informers.for(ReplicaSet);
  const pods = informers.for(Pod);
  indexByController(replicaSets);
  indexByController(pods);
  const reconciler = new DeploymentReconciler({ client, clock, events, deployments, replicaSets, pods });
  const sources = [
    fromInformer(deployments),
    ownedBy(replicaSets, Deployment),
    fromInformer(replicaSets, (set) => adoptersOf(set, deployments).map(namespacedName), isOrphan),
    fromInformer(pods, (pod) => recreatedBy(pod, { deployments, replicaSets }), hasEnded),
  ];
  return reconcilingController(context, { name: 'deployment-controller', reconciler, sources }, { concurrency: CONCURRENCY });
};

function isOrphan({ type, object }: Delta<ReplicaSet>): boolean {
  return type !== 'deleted' && controllerOf(object) === undefined;
}

function hasEnded(delta: Delta<Pod>): boolean {
  return delta.type === 'deleted' || (delta.type === 'updated' && isPodTerminal(delta.object) && !isPodTerminal(delta.old));
}

/** The Deployment that may be waiting for the end of the pod, before it creates new ones. */
function recreatedBy(
  pod: Pod,
  { deployments, replicaSets }: { readonly deployments: Lister<Deployment>; readonly replicaSets: Lister<ReplicaSet> },
): readonly NamespacedName[] {
  const namespace = namespaceOf(pod);
  const set = replicaSets.get(controllerOf(pod)?.name ?? '', namespace);
  const deployment = set && deployments.get(controllerOf(set)?.name ?? '', namespace);
  return deployment?.spec?.strategy?.type === 'Recreate' ? [namespacedName(deployment)] : [];
}
