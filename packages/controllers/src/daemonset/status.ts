import { isPodAvailable, isPodReady } from '@keelson/api';
import type { DaemonSet } from '@keelson/api/apps/v1';
import type { Pod } from '@keelson/api/core/v1';
import { byAge, isUpdated } from './daemon-pod.ts';
import type { DaemonState } from './daemon-state.ts';

/** The counts, by nodes: of several pods on one the first counts. `observedGeneration` only if the pods were looked after, too. */
export function statusOf(
  set: DaemonSet,
  { nodes, hash, nowMs }: DaemonState,
  { collisionCount, wasManaged }: { readonly collisionCount: number | undefined; readonly wasManaged: boolean },
): Record<string, unknown> {
  const wanting = nodes.filter(({ shouldRun }) => shouldRun);
  const first = wanting.flatMap(({ pods }) => pods.toSorted(byAge).slice(0, 1));
  const count = (holds: (pod: Pod) => boolean): number => first.filter(holds).length;
  const available = count((pod) => isPodAvailable(pod, set.spec?.minReadySeconds ?? 0, nowMs));
  return {
    desiredNumberScheduled: wanting.length,
    currentNumberScheduled: first.length,
    numberMisscheduled: nodes.filter(({ shouldRun, pods }) => !shouldRun && pods.length > 0).length,
    numberReady: count(isPodReady),
    updatedNumberScheduled: count((pod) => isUpdated(pod, hash)) || undefined,
    numberAvailable: available || undefined,
    numberUnavailable: wanting.length - available || undefined,
    ...(wasManaged && { observedGeneration: set.metadata?.generation }),
    collisionCount: collisionCount || undefined,
  };
}
