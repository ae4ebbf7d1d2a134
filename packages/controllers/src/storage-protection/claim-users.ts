import { nameOf, uidOf } from '@keelson/api';
import type { PersistentVolumeClaim, Pod } from '@keelson/api/core/v1';

/** The names of the claims that a pod names or that are made for it. */
export function claimNames(pod: Pod): readonly string[] {
  const { volumes = [] } = pod.spec ?? {};
  return volumes.flatMap(({ name, persistentVolumeClaim, ephemeral }) => {
    if (persistentVolumeClaim) return [persistentVolumeClaim.claimName];
    return ephemeral ? [`${nameOf(pod)}-${name}`] : [];
  });
}

/** True if a pod holds on to a claim of its namespace. Pods that are not on a node do not: no kubelet begins with a claim that is going. */
export function usesClaim(pod: Pod, claim: PersistentVolumeClaim): boolean {
  if ((pod.spec?.nodeName ?? '') === '') return false;
  const { volumes = [] } = pod.spec ?? {};
  return volumes.some(({ name, persistentVolumeClaim, ephemeral }) => {
    if (persistentVolumeClaim) return persistentVolumeClaim.claimName === nameOf(claim);
    return ephemeral !== undefined && `${nameOf(pod)}-${name}` === nameOf(claim) && isMadeFor(claim, pod) && !isShutDown(pod);
  });
}

function isMadeFor({ metadata }: PersistentVolumeClaim, pod: Pod): boolean {
  return metadata?.ownerReferences?.some(({ uid, controller }) => controller === true && uid === uidOf(pod)) ?? false;
}

/** Its kubelet is done with it. */
function isShutDown({ metadata }: Pod): boolean {
  return metadata?.deletionTimestamp !== undefined && metadata.deletionGracePeriodSeconds === 0;
}
