import { claimNameOf, isClaimBound, nameOf, namespaceOf, storageClassOf, uidOf } from '@keelson/api';
import type { PersistentVolumeClaim, Pod } from '@keelson/api/core/v1';
import type { StorageInformers } from '../../storage-informers.ts';

/** The claims of a pod, by what is to be done with them. */
export interface PodClaims {
  readonly bound: readonly PersistentVolumeClaim[];
  /** Those that get their volume on the node that is chosen now. */
  readonly late: readonly PersistentVolumeClaim[];
}

/** Why a pod cannot be placed anywhere, in upstream's words. */
export interface Obstacle {
  readonly reason: string;
}

type Found = PodClaims | Obstacle;
type Listers = Pick<StorageInformers, 'claims' | 'classes'>;

/** Sorts the claims of a pod; gives the first obstacle if there is one. */
export function claimsOf(pod: Pod, listers: Listers): Found {
  const found: PersistentVolumeClaim[] = [];
  for (const volume of pod.spec?.volumes ?? []) {
    const name = claimNameOf(pod, volume);
    if (name === undefined) continue;
    const claim = listers.claims.get(name, namespaceOf(pod));
    const isEphemeral = volume.ephemeral !== undefined;
    const reason = obstacleOf({ pod, claim, name, isEphemeral });
    if (reason !== undefined) return { reason };
    if (claim) found.push(claim);
  }
  return sorted(found, listers);
}

interface Subject {
  readonly pod: Pod;
  readonly claim: PersistentVolumeClaim | undefined;
  readonly name: string;
  readonly isEphemeral: boolean;
}

function obstacleOf({ pod, claim, name, isEphemeral }: Subject): string | undefined {
  if (!claim) {
    if (isEphemeral) return `waiting for ephemeral volume controller to create the persistentvolumeclaim "${name}"`;
    return `persistentvolumeclaim "${name}" not found`;
  }
  if (claim.status?.phase === 'Lost') {
    return `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec?.volumeName ?? ''}"`;
  }
  if (claim.metadata?.deletionTimestamp !== undefined) return `persistentvolumeclaim "${name}" is being deleted`;
  if (isEphemeral && !isOwnedByPod(claim, pod)) {
    const where = `PVC ${namespaceOf(claim)}/${name}`;
    return `${where} was not created for pod ${namespaceOf(pod)}/${nameOf(pod)} (pod is not owner)`;
  }
  return undefined;
}

function isOwnedByPod({ metadata }: PersistentVolumeClaim, pod: Pod): boolean {
  return metadata?.ownerReferences?.some(({ controller, uid }) => controller === true && uid === uidOf(pod)) ?? false;
}

function sorted(claims: readonly PersistentVolumeClaim[], { classes }: Listers): Found {
  const bound: PersistentVolumeClaim[] = [];
  const late: PersistentVolumeClaim[] = [];
  for (const claim of claims) {
    const name = storageClassOf(claim);
    const storageClass = name === '' ? undefined : classes.get(name);
    if (isClaimBound(claim)) bound.push(claim);
    else if (storageClass?.volumeBindingMode === 'WaitForFirstConsumer' && !claim.spec?.volumeName) late.push(claim);
    else return { reason: 'pod has unbound immediate PersistentVolumeClaims' };
  }
  return { bound, late };
}
