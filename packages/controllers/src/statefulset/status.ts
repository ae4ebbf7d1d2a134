import { nameOf } from '@keelson/api';
import type { StatefulSet } from '@keelson/api/apps/v1';
import type { Pod } from '@keelson/api/core/v1';
import { isRunningAndAvailable, isRunningAndReady, isTerminating, replicasOf, revisionOfPod } from './ordinals.ts';
import type { Revisions } from './revisions.ts';

/** The fields of the status; a count of 0 is left out where Kubernetes leaves it out. */
export function statusOf(
  set: StatefulSet,
  { pods, revisions, nowMs }: { readonly pods: readonly Pod[]; readonly revisions: Revisions; readonly nowMs: number },
): Record<string, unknown> {
  const count = (holds: (pod: Pod) => boolean): number => pods.filter(holds).length;
  const ofRevision = (revision: string): number => count((pod) => !isTerminating(pod) && revisionOfPod(pod) === revision);
  const updateRevision = nameOf(revisions.update);
  const counts = { replicas: pods.length, ready: count(isRunningAndReady), updated: ofRevision(updateRevision) };
  // Once all pods are of the new revision it is the one that is current.
  const isComplete =
    set.spec?.updateStrategy?.type !== 'OnDelete' && Object.values(counts).every((each) => each === replicasOf(set));
  const currentRevision = isComplete ? updateRevision : nameOf(revisions.current);
  return {
    observedGeneration: set.metadata?.generation,
    replicas: counts.replicas,
    readyReplicas: counts.ready || undefined,
    availableReplicas: count((pod) => isRunningAndAvailable(set, pod, nowMs)),
    currentReplicas: ofRevision(currentRevision) || undefined,
    updatedReplicas: counts.updated || undefined,
    currentRevision,
    updateRevision,
    collisionCount: revisions.collisionCount,
  };
}
