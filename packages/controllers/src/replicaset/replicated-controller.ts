import { uidOf } from '@keelson/api';
import { Pod } from '@keelson/api/core/v1';
import type { Runnable } from '@keelson/base';
import { Expectations, fromInformer, type Informer, type Source } from '@keelson/controller-runtime';
import type { ControllerContext } from '../controller-context.ts';
import { indexByController, ownedBy } from '../pod-control/owner-index.ts';
import { PodControl } from '../pod-control/pod-control.ts';
import { reconcilingController } from '../reconciling-controller.ts';
import { podSource } from '../pod-control/pod-source.ts';
import { ReplicatedReconciler } from './replicated-reconciler.ts';
import type { Replicated, ReplicatedKind } from './replicated.ts';

/** Sets that are worked on at the same time. */
const CONCURRENCY = 5;

/** The controller of a kind of sets of equal pods. `related` are all pods of the workload that a set is a part of; its own if absent. */
export function replicatedController<T extends Replicated>(
  context: ControllerContext,
  adapter: ReplicatedKind<T>,
  related?: (set: T) => readonly Pod[],
): Runnable {
  const { client, clock, events, informers } = context;
  const sets = informers.for(adapter.kind);
  const pods = informers.for(Pod);
  indexByController(pods);
  const expectations = new Expectations({ clock });
  const reconciler = new ReplicatedReconciler({
    adapter,
    client,
    clock,
    sets,
    pods,
    expectations,
    podControl: new PodControl({ client, events, ownerKind: adapter.kind }),
    related: related ?? ((set) => ownedBy(pods, set)),
  });
  const sources = [forgetting(sets, expectations), fromInformer(sets), podSource({ adapter, sets, pods, expectations })];
  return reconcilingController(context, { name: adapter.name, reconciler, sources }, { concurrency: CONCURRENCY });
}

/** Brings no keys; drops what is expected of sets that are gone. */
function forgetting<T extends Replicated>(sets: Informer<T>, expectations: Expectations): Source {
  return fromInformer(
    sets,
    () => [],
    ({ type, object }) => {
      if (type === 'deleted') expectations.forget(uidOf(object));
      return false;
    },
  );
}
