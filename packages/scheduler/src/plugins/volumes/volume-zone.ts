import { claimNamesOf, namespaceOf } from '@keelson/api';
import type { PersistentVolume, Pod } from '@keelson/api/core/v1';
import { labelsOf, SKIP, type FilterPlugin, type PreFilterPlugin } from '../../framework.ts';
import { usesClaims, type StorageInformers } from '../../storage-informers.ts';

const VOLUMES = 'VolumeZone:volumes';
/** Labels of volumes that say where they are, the current names and the older ones. */
const TOPOLOGY: Readonly<Record<string, string>> = {
  'topology.kubernetes.io/zone': 'failure-domain.beta.kubernetes.io/zone',
  'topology.kubernetes.io/region': 'failure-domain.beta.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region': 'topology.kubernetes.io/region',
};
/** Between the zones of a volume that is in several. */
const SEPARATOR = '__';

/** Keeps pods in the zones of volumes that are labelled with theirs. */
export function volumeZone({ claims, volumes }: Pick<StorageInformers, 'claims' | 'volumes'>): PreFilterPlugin & FilterPlugin {
  const zoned = (pod: Pod): PersistentVolume[] =>
    claimNamesOf(pod)
      .map((name) => volumes.get(claims.get(name, namespaceOf(pod))?.spec?.volumeName ?? ''))
      .filter((volume): volume is PersistentVolume => volume !== undefined && zonesOf(volume).length > 0);
  return {
    name: 'VolumeZone',
    preFilter(state, pod) {
      const found = usesClaims(pod) ? zoned(pod) : [];
      state.write(VOLUMES, found);
      return found.length === 0 ? SKIP : undefined;
    },
    filter(state, _pod, { node }) {
      const labels = labelsOf(node);
      const isAnywhere = Object.keys(TOPOLOGY).every((label) => labels[label] === undefined);
      if (isAnywhere || (state.read<PersistentVolume[]>(VOLUMES) ?? []).every((volume) => isIn(volume, labels))) return undefined;
      return { reason: 'node(s) had no available volume zone', preemptable: false };
    },
  };
}

function zonesOf({ metadata }: PersistentVolume): [label: string, zones: readonly string[]][] {
  return Object.entries(metadata?.labels ?? {})
    .filter(([label]) => Object.hasOwn(TOPOLOGY, label))
    .map(([label, zones]) => [label, zones.split(SEPARATOR)]);
}

function isIn(volume: PersistentVolume, labels: Readonly<Record<string, string>>): boolean {
  return zonesOf(volume).every(([label, zones]) => zones.includes(labels[label] ?? labels[TOPOLOGY[label] ?? ''] ?? ''));
}
