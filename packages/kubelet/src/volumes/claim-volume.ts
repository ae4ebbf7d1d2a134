import { claimNameOf, nameOf, namespaceOf, uidOf, volumeReaches } from '@keelson/api';
import { PersistentVolume, PersistentVolumeClaim, type Node, type Pod, type Volume } from '@keelson/api/core/v1';
import { errorMessage } from '@keelson/base';
import type { Client } from '@keelson/client';
import { NamedFailure, unprocessed } from './mount-failure.ts';

/** The PersistentVolume that a volume of a pod stands for. */
export interface ClaimedVolume {
  readonly volume: PersistentVolume;
  readonly readOnly: boolean;
}

interface Dependencies {
  readonly client: Client;
  readonly node: () => Node | undefined;
}

/** Finds the volume behind a claim, and checks that it is really the claim's, and can be reached from here. */
export async function claimedVolume(pod: Pod, source: Volume, { client, node }: Dependencies): Promise<ClaimedVolume> {
  const namespace = namespaceOf(pod);
  const name = claimNameOf(pod, source) ?? '';
  const fail = (why: string): Error => unprocessed(source.name, `error processing PVC ${namespace}/${name}: ${why}`);
  const claim = await client
    .resource(PersistentVolumeClaim)
    .get({ namespace, name })
    .catch((error: unknown) => {
      throw fail(`failed to fetch PVC from API server: ${errorMessage(error)}`);
    });
  const objection = whyNot(pod, source, claim);
  if (objection !== undefined) throw fail(objection);
  const volumeName = claim.spec?.volumeName ?? '';
  const volume = await client
    .resource(PersistentVolume)
    .get({ name: volumeName })
    .catch((error: unknown) => {
      throw fail(`failed to get PV ${volumeName}: ${errorMessage(error)}`);
    });
  if (volume.spec?.claimRef?.uid !== uidOf(claim)) throw fail(`PV ${volumeName} is not bound to PVC uid ${uidOf(claim)}`);
  if (volume.spec?.volumeMode === 'Block')
    throw fail(`volume ${source.name} has volumeMode Block, but is specified in volumeMounts`);
  checkReach(volume, node());
  return { volume, readOnly: source.persistentVolumeClaim?.readOnly ?? false };
}

function whyNot(pod: Pod, { ephemeral }: Volume, claim: PersistentVolumeClaim): string | undefined {
  const isOwn = claim.metadata?.ownerReferences?.some(({ controller, uid }) => controller === true && uid === uidOf(pod));
  if (ephemeral && !isOwn) {
    const where = `PVC ${namespaceOf(claim)}/${nameOf(claim)}`;
    return `${where} was not created for pod ${namespaceOf(pod)}/${nameOf(pod)} (pod is not owner)`;
  }
  if (claim.metadata?.deletionTimestamp !== undefined) return 'PVC is being deleted';
  return claim.status?.phase === 'Bound' && claim.spec?.volumeName ? undefined : 'PVC is not bound';
}

function checkReach(volume: PersistentVolume, node: Node | undefined): void {
  if (!node || volumeReaches(volume, node)) return;
  const message = `MountVolume.NodeAffinity check failed for volume "${nameOf(volume)}" : no matching NodeSelectorTerms`;
  throw new NamedFailure(message);
}
