import { claimNamesOf, keyOf, namespaceOf } from '@keelson/api';
import type { Pod } from '@keelson/api/core/v1';
import { SKIP, type FilterPlugin, type PreFilterPlugin, type Snapshot } from '../../framework.ts';
import type { StorageInformers } from '../../storage-informers.ts';

const IN_USE = 'VolumeRestrictions:in-use';

/** Lets only one pod of the cluster use a claim with the access mode `ReadWriteOncePod` (KEP-2485). */
export function volumeRestrictions({ claims }: Pick<StorageInformers, 'claims'>): PreFilterPlugin & FilterPlugin {
  const exclusive = (pod: Pod): string[] =>
    claimNamesOf(pod).filter((name) => claims.get(name, namespaceOf(pod))?.spec?.accessModes?.includes('ReadWriteOncePod'));
  return {
    name: 'VolumeRestrictions',
    preFilter(state, pod, snapshot) {
      const names = new Set(exclusive(pod));
      if (names.size === 0) return SKIP;
      state.write(IN_USE, isUsed(pod, names, snapshot));
      return undefined;
    },
    filter(state) {
      if (state.read<boolean>(IN_USE) !== true) return undefined;
      const reason = 'node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode';
      return { reason, preemptable: true };
    },
  };
}

function isUsed(pod: Pod, names: ReadonlySet<string>, { nodes }: Snapshot): boolean {
  const isRival = (other: Pod): boolean =>
    namespaceOf(other) === namespaceOf(pod) && keyOf(other) !== keyOf(pod) && claimNamesOf(other).some((name) => names.has(name));
  return nodes.some(({ pods }) => Array.from(pods).some(isRival));
}
