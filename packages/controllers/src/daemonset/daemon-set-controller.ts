import { deepEqual, uidOf } from '@keelson/api';
import { ControllerRevision, DaemonSet } from '@keelson/api/apps/v1';
import { Node, Pod } from '@keelson/api/core/v1';
import { Expectations, fromInformer, namespacedName, ownedBy, type Informer, type Source } from '@keelson/controller-runtime';
import type { ControllerFactory } from '../controller-context.ts';
import { RevisionHistory } from '../history/revision-history.ts';
import { indexByController } from '../pod-control/owner-index.ts';
import { PodControl } from '../pod-control/pod-control.ts';
import type { PodOwnerKind } from '../pod-control/pod-owner-kind.ts';
import { podSource } from '../pod-control/pod-source.ts';
import { reconcilingController } from '../reconciling-controller.ts';
import { UnseenWrites } from '../unseen-writes.ts';
import { HASH_LABEL } from './daemon-pod.ts';
import { DaemonSetReconciler } from './daemon-set-reconciler.ts';
import { eligibilityOf } from './eligibility.ts';
import { FailureWaits } from './failure-waits.ts';

const CONCURRENCY = 2;

const owners: PodOwnerKind<DaemonSet> = { kind: DaemonSet, selectorOf: ({ spec }) => spec?.selector };

/** Keeps a pod on each node that a DaemonSet wants. */
export const daemonSetController: ControllerFactory = (context) => {
  const { client, clock, events, informers } = context;
  const sets = informers.for(DaemonSet);
  const [nodes, pods] = [informers.for(Node), informers.for(Pod)];
  const revisions = informers.for(ControllerRevision);
  indexByController(pods);
  indexByController(revisions);
  const expectations = new Expectations({ clock });
  const podControl = new PodControl({ client, events, ownerKind: DaemonSet });
  const unseen = new UnseenWrites({ clock, cache: revisions });
  const history = new RevisionHistory({ client, owners, revisions, unseen, hashLabel: HASH_LABEL });
  const waits = new FailureWaits(clock);
  const parts = { client, clock, events, sets, nodes, pods, history, expectations, podControl, waits };
  const changed = fromInformer(sets, undefined, ({ type, object }) => {
    if (type !== 'deleted') return true;
    for (const memory of [expectations, unseen, waits]) memory.forget(uidOf(object));
    return true;
  });
  const sources = [
    changed,
    podSource({ adapter: owners, sets, pods, expectations }),
    nodeSource(nodes, sets),
    ownedBy(revisions, DaemonSet),
  ];
  const reconciler = new DaemonSetReconciler(parts);
  return reconcilingController(context, { name: 'daemonset-controller', reconciler, sources }, { concurrency: CONCURRENCY });
};

/** The daemons to which it makes a difference that a node is there, or has changed. Nodes change all the time in ways that do not matter. */
function nodeSource(nodes: Informer<Node>, sets: Informer<DaemonSet>): Source {
  return fromInformer(nodes, (_, delta) => {
    const isOf = (set: DaemonSet, node: Node) => eligibilityOf(set, node);
    return sets
      .list()
      .filter((set) => delta.type !== 'updated' || !deepEqual(isOf(set, delta.old), isOf(set, delta.object)))
      .map(namespacedName);
  });
}
