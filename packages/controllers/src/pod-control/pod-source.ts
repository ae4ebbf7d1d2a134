import { controllerOf, deepEqual, namespaceOf, uidOf, type KubernetesObject } from '@keelson/api';
import type { Pod } from '@keelson/api/core/v1';
import {
  LOW_PRIORITY,
  namespacedName,
  type Delta,
  type Enqueue,
  type Expectations,
  type Lister,
  type Informer,
  type Source,
} from '@keelson/controller-runtime';
import { matcherOf, type PodOwnerKind } from './pod-owner-kind.ts';

interface Dependencies<T extends KubernetesObject> {
  readonly adapter: PodOwnerKind<T>;
  readonly sets: Lister<T>;
  readonly pods: Informer<Pod>;
  /** By the uid of the set. Absent if nothing is expected. */
  readonly expectations?: Expectations;
}

/** The sets that have to look at a pod because it changed. Also tells the expectations of what the cache shows. */
export function podSource<T extends KubernetesObject>(dependencies: Dependencies<T>): Source {
  const { pods } = dependencies;
  return {
    whenSynced: (signal) => pods.whenSynced(signal),
    subscribe: (enqueue) => {
      const subscription = pods.deltas$.subscribe((deltas) => {
        for (const delta of deltas) {
          observe(dependencies, delta);
          notify(dependencies, delta, enqueue);
        }
      });
      return { [Symbol.dispose]: () => subscription.unsubscribe() };
    },
  };
}

function observe<T extends KubernetesObject>(dependencies: Dependencies<T>, { type, object }: Delta<Pod>): void {
  const { expectations } = dependencies;
  const owner = expectations && ownerOf(dependencies, object);
  if (!owner) return;
  if (type === 'added') expectations.creationObserved(uidOf(owner));
  // A deletion counts from when it begins: the pod is no longer active, however long it takes to end.
  if (type === 'deleted' || object.metadata?.deletionTimestamp !== undefined)
    expectations.deletionObserved(uidOf(owner), uidOf(object));
}

function notify<T extends KubernetesObject>(dependencies: Dependencies<T>, delta: Delta<Pod>, enqueue: Enqueue): void {
  const options = delta.type === 'added' && delta.initial ? { priority: LOW_PRIORITY } : undefined;
  const owner = ownerOf(dependencies, delta.object);
  if (owner) enqueue(namespacedName(owner), options);
  const before = delta.type === 'updated' ? ownerOf(dependencies, delta.old) : undefined;
  if (before && before !== owner) enqueue(namespacedName(before), options);
  if (controllerOf(delta.object) || !mayBeAdoptedNow(delta)) return;
  const { labels } = delta.object.metadata ?? {};
  for (const set of dependencies.sets.list(namespaceOf(delta.object))) {
    if (matcherOf(dependencies.adapter.selectorOf(set)).matches(labels)) enqueue(namespacedName(set), options);
  }
}

/** A pod without a controller is of interest when it appears, loses its controller, or gets other labels. */
function mayBeAdoptedNow(delta: Delta<Pod>): boolean {
  if (delta.object.metadata?.deletionTimestamp !== undefined) return false;
  if (delta.type !== 'updated') return delta.type === 'added';
  return controllerOf(delta.old) !== undefined || !deepEqual(delta.old.metadata?.labels, delta.object.metadata?.labels);
}

/** The set that controls the pod; not another one of the same name. */
function ownerOf<T extends KubernetesObject>({ adapter, sets }: Dependencies<T>, pod: Pod): T | undefined {
  const reference = controllerOf(pod);
  if (reference?.kind !== adapter.kind.kind) return undefined;
  const set = sets.get(reference.name, namespaceOf(pod));
  return set?.metadata?.uid === reference.uid ? set : undefined;
}
