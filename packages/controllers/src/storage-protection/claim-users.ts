import { claimNameOf, nameOf, uidOf } from '@keelson/api';
import type { PersistentVolumeClaim, Pod } from '@keelson/api/core/v1';

/** True if a pod holds on to a claim of its namespace. Pods that are not on a node do not: no kubelet begins with a claim that is going. */
export function usesClaim(pod: Pod, claim: PersistentVolumeClaim): boolean {
  if ((pod.spec?.nodeName ?? '') === '') return false;
  const { volumes = [] } = pod.spec ?? {};
  return volumes.some((volume) => {
    if (claimNameOf(pod, volume) !== nameOf(claim)) return false;
    return volume.persistentVolumeClaim !== undefined || (isMadeFor(claim, pod) && !isShutDown(pod));
  });
}

function isMadeFor({ metadata }: PersistentVolumeClaim, pod: Pod): boolean {
  return metadata?.ownerReferences?.some(({ uid, controller }) => controller === true && uid === uidOf(pod)) ?? false;
}

/** Its kubelet is done with it. */
function isShutDown({ metadata }: Pod): boolean {
  return metadata?.deletionTimestamp !== undefined && metadata.deletionGracePeriodSeconds === 0;
}
