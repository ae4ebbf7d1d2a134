import { claimNamesOf, namespaceOf } from '@keelson/api';
import type { Pod } from '@keelson/api/core/v1';
import type { FilterPlugin, PreFilterPlugin } from '../../framework.ts';
import { SKIP } from '../../framework.ts';
import { usesClaims, type StorageInformers } from '../../storage-informers.ts';

/** Volumes by the CSI driver that attaches them. */
type Attached = Map<string, Set<string>>;

/** Keeps to the number of volumes that a CSI driver says it can attach to a node; nodes without a CSINode have no limit. */
export function nodeVolumeLimits(storage: StorageInformers): PreFilterPlugin & FilterPlugin {
  return {
    name: 'NodeVolumeLimits',
    preFilter: (_state, pod) => (usesClaims(pod) && storage.csiNodes.size > 0 ? undefined : SKIP),
    filter(_state, pod, { name, pods }) {
      const drivers = storage.csiNodes.get(name)?.spec.drivers ?? [];
      if (drivers.every(({ allocatable }) => allocatable?.count === undefined)) return undefined;
      const attached: Attached = new Map();
      for (const other of pods) addVolumes(attached, other, storage);
      const before = new Map(Array.from(attached, ([driver, volumes]) => [driver, volumes.size]));
      addVolumes(attached, pod, storage);
      const isFull = drivers.some(({ name: driver, allocatable }) => {
        const count = attached.get(driver)?.size ?? 0;
        return allocatable?.count !== undefined && count > (before.get(driver) ?? 0) && count > allocatable.count;
      });
      return isFull ? { reason: 'node(s) exceed max volume count', preemptable: true } : undefined;
    },
  };
}

function addVolumes(attached: Attached, pod: Pod, { claims, volumes }: StorageInformers): void {
  for (const name of claimNamesOf(pod)) {
    const csi = volumes.get(claims.get(name, namespaceOf(pod))?.spec?.volumeName ?? '')?.spec?.csi;
    if (!csi) continue;
    const known = attached.get(csi.driver) ?? new Set();
    attached.set(csi.driver, known.add(csi.volumeHandle));
  }
}
