import { uidOf } from '@keelson/api';
import { ControllerRevision, StatefulSet } from '@keelson/api/apps/v1';
import { PersistentVolumeClaim, Pod } from '@keelson/api/core/v1';
import { fromInformer, ownedBy } from '@keelson/controller-runtime';
import type { ControllerFactory } from '../controller-context.ts';
import { RevisionHistory } from '../history/revision-history.ts';
import { indexByController } from '../pod-control/owner-index.ts';
import type { PodOwnerKind } from '../pod-control/pod-owner-kind.ts';
import { podSource } from '../pod-control/pod-source.ts';
import { reconcilingController } from '../reconciling-controller.ts';
import { UnseenWrites } from '../unseen-writes.ts';
import { ClaimWriter } from './claim-writer.ts';
import { StatefulPodWriter } from './pod-writer.ts';
import { StatefulSetReconciler } from './stateful-set-reconciler.ts';

const CONCURRENCY = 5;
const HASH_LABEL = 'controller.kubernetes.io/hash';

const owners: PodOwnerKind<StatefulSet> = { kind: StatefulSet, selectorOf: ({ spec }) => spec?.selector };

/** Keeps the pods of StatefulSets. */
export const statefulSetController: ControllerFactory = (context) => {
  const { client, clock, events, informers } = context;
  const sets = informers.for(StatefulSet);
  const pods = informers.for(Pod);
  const revisions = informers.for(ControllerRevision);
  indexByController(pods);
  indexByController(revisions);
  const unseen = new UnseenWrites({ clock, cache: pods });
  const unseenRevisions = new UnseenWrites({ clock, cache: revisions });
  const claims = new ClaimWriter({ client, events, claims: informers.for(PersistentVolumeClaim) });
  const writer = new StatefulPodWriter({ client, events, claims, unseen });
  const history = new RevisionHistory({ client, owners, revisions, unseen: unseenRevisions, hashLabel: HASH_LABEL });
  const reconciler = new StatefulSetReconciler({ client, clock, sets, pods, history, writer, unseen });
  const changed = fromInformer(sets, undefined, ({ type, object }) => {
    if (type !== 'deleted') return true;
    for (const writes of [unseen, unseenRevisions]) writes.forget(uidOf(object));
    return true;
  });
  const sources = [changed, podSource({ adapter: owners, sets, pods }), ownedBy(revisions, StatefulSet)];
  return reconcilingController(context, { name: 'statefulset-controller', reconciler, sources }, { concurrency: CONCURRENCY });
};
