import { controllerOf, controllerReference, deepEqual, nameOf, namespaceOf } from '@keelson/api';
import { StatefulSet } from '@keelson/api/apps/v1';
import { Pod, type PersistentVolumeClaim } from '@keelson/api/core/v1';
import type { OwnerReference } from '@keelson/api/meta/v1';
import { isWanted } from './ordinals.ts';

export function claimName(set: StatefulSet, template: PersistentVolumeClaim, ordinal: number): string {
  return `${nameOf(template)}-${nameOf(set)}-${ordinal}`;
}

/** The claims that the pod of that ordinal wants. */
export function claimsOf(set: StatefulSet, ordinal: number): readonly PersistentVolumeClaim[] {
  return (set.spec?.volumeClaimTemplates ?? []).map((template) => {
    const { annotations, labels } = template.metadata ?? {};
    return structuredClone({
      metadata: {
        name: claimName(set, template, ordinal),
        namespace: namespaceOf(set),
        labels: { ...labels, ...set.spec?.selector.matchLabels },
        ...(annotations && { annotations }),
      },
      ...(template.spec && { spec: template.spec }),
    });
  });
}

/**
 * Who a claim belongs to, by the policy: nobody if it is kept; the set if it goes with that; the pod, once that is too many, if it goes when the
 * set is scaled down. What others have written stays.
 */
export function claimOwners(
  { set, pod, ordinal }: { readonly set: StatefulSet; readonly pod: Pod; readonly ordinal: number },
  present: readonly OwnerReference[],
): readonly OwnerReference[] {
  const { whenDeleted, whenScaled } = set.spec?.persistentVolumeClaimRetentionPolicy ?? {};
  const others = present.filter(({ uid }) => uid !== set.metadata?.uid && uid !== pod.metadata?.uid);
  const isScaledDown = !isWanted(set, ordinal);
  const wanted: OwnerReference[] = [];
  if (whenScaled === 'Delete' && isScaledDown) wanted.push(controllerReference(pod, Pod));
  else if (whenDeleted === 'Delete') wanted.push(controllerReference(set, StatefulSet));
  return [...others, ...wanted];
}

/** True if its owners have to be written. What another controller has taken is left to that. */
export function hasWrongOwners(claim: PersistentVolumeClaim, set: StatefulSet, owners: readonly OwnerReference[]): boolean {
  const controller = controllerOf(claim);
  const isOurs = controller === undefined || controller.uid === set.metadata?.uid || controller.kind === Pod.kind;
  return isOurs && !deepEqual(claim.metadata?.ownerReferences ?? [], owners);
}

/** It belongs to the pod of that name that was there before, and goes with it. */
export function isLeftOver(claim: PersistentVolumeClaim, podName: string, podUid: string | undefined): boolean {
  return (claim.metadata?.ownerReferences ?? []).some(
    ({ kind, name, uid }) => kind === Pod.kind && name === podName && uid !== podUid,
  );
}
