import { nameOf, VOLUME_ANNOTATIONS, volumeReaches } from '@keelson/api';
import { Node, PersistentVolume } from '@keelson/api/core/v1';
import { errorMessage, isReason } from '@keelson/base';
import { reads, removeFinalizer, type ControllerDefinition, type Reconciling } from '@keelson/controller-runtime';
import { FINALIZER, HOSTNAME, type Parts } from './parts.ts';

/** Phases in which no claim has the volume. `Pending` is none of them: nobody has looked at it yet. */
const FREE = ['Available', 'Released', 'Failed'];

/** A controller that deletes the volumes that were made here, with their directories, when their claims have gone. */
export function volumeReclaiming(parts: Parts): ControllerDefinition<PersistentVolume> {
  return {
    name: 'local-path-volumes',
    for: PersistentVolume,
    watches: [reads(Node)],
    reconcile: async (volume, context) => {
      const { metadata, spec, status } = volume;
      const isOurs = metadata?.annotations?.[VOLUME_ANNOTATIONS.provisionedBy] === parts.provisioner;
      if (!isOurs || !FREE.includes(status?.phase ?? '') || !isOnThisMachine(volume, parts, context)) return;
      const isGoing = metadata?.deletionTimestamp !== undefined;
      const isToGo = spec?.persistentVolumeReclaimPolicy === 'Delete' && (isGoing || status?.phase !== 'Available');
      if (isToGo) await deleteDirectory(volume, parts, context);
      if (isToGo && !isGoing) await deleteVolume(volume, context);
      if (isToGo || isGoing) await removeFinalizer(context.client, PersistentVolume, volume, FINALIZER);
    },
  };
}

/** A node that has gone leaves its volumes to whoever has its directories. */
function isOnThisMachine(volume: PersistentVolume, { isHere }: Parts, { cached }: Reconciling): boolean {
  const nodes = cached(Node)
    .list()
    .filter((node) => volumeReaches(volume, node));
  if (nodes.length > 0) return nodes.some((node) => isHere(nameOf(node)));
  const [term] = volume.spec?.nodeAffinity?.required?.nodeSelectorTerms ?? [];
  const names = term?.matchExpressions?.find(({ key }) => key === HOSTNAME)?.values ?? [];
  return names.some((name) => isHere(name));
}

async function deleteDirectory(volume: PersistentVolume, { directories }: Parts, { events }: Reconciling): Promise<void> {
  try {
    await directories.remove(volume.spec?.local?.path ?? '');
  } catch (error) {
    events.event(volume, 'Warning', 'VolumeFailedDelete', errorMessage(error));
    throw error;
  }
}

async function deleteVolume(volume: PersistentVolume, { client }: Reconciling): Promise<void> {
  const { uid = '' } = volume.metadata ?? {};
  try {
    await client.resource(PersistentVolume).delete({ name: nameOf(volume) }, { preconditions: { uid } });
  } catch (error) {
    if (!isReason(error, 'NotFound')) throw error;
  }
}
