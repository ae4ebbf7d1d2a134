import type { PersistentVolume, PersistentVolumeClaim } from '@keelson/api/core/v1';
import type { CSIStorageCapacity, StorageClass } from '@keelson/api/storage/v1';
import { checkEach, Field } from '../../validation/field.ts';
import { nodeLabelSelectorWarnings, nodeLabelWarning, nodeSelectorTermWarnings } from './node-labels.ts';
import { claimSpecWarnings, deprecatedSourceWarnings } from './volume-warnings.ts';

const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';
const OPTIONS_ANNOTATION = 'volume.beta.kubernetes.io/mount-options';
const INSTEAD = {
  [CLASS_ANNOTATION]: 'deprecated since v1.8; use "storageClassName" attribute instead',
  [OPTIONS_ANNOTATION]: 'deprecated since v1.31; use "mountOptions" attribute instead',
} as const;

function annotationWarnings(
  { metadata }: PersistentVolume | PersistentVolumeClaim,
  names: readonly (keyof typeof INSTEAD)[],
): readonly string[] {
  return names
    .filter((name) => metadata?.annotations?.[name] !== undefined)
    .map((name) => `metadata.annotations[${name}]: ${INSTEAD[name]}`);
}

export function claimWarnings(claim: PersistentVolumeClaim): readonly string[] {
  return [...annotationWarnings(claim, [CLASS_ANNOTATION]), ...claimSpecWarnings(claim.spec ?? {}, Field.root([], 'spec'))];
}

export function volumeObjectWarnings(volume: PersistentVolume): readonly string[] {
  const { spec = {} } = volume;
  const at = Field.root([], 'spec');
  const warnings = [...annotationWarnings(volume, [CLASS_ANNOTATION, OPTIONS_ANNOTATION])];
  if (spec.persistentVolumeReclaimPolicy === 'Recycle') {
    const instead = 'Instead, the recommended approach is to use dynamic provisioning.';
    warnings.push(`${at.child('persistentVolumeReclaimPolicy')}: The Recycle reclaim policy is deprecated. ${instead}`);
  }
  const required = at.child('nodeAffinity').child('required');
  checkEach(
    spec.nodeAffinity?.required?.nodeSelectorTerms,
    required,
    'nodeSelectorTerms',
    (term, place) => void warnings.push(...nodeSelectorTermWarnings(term, place, true)),
  );
  return [...warnings, ...deprecatedSourceWarnings(spec, at)];
}

export function storageClassWarnings({ allowedTopologies }: StorageClass): readonly string[] {
  const warnings: string[] = [];
  checkEach(allowedTopologies, Field.root([]), 'allowedTopologies', ({ matchLabelExpressions }, at) =>
    checkEach(matchLabelExpressions, at, 'matchLabelExpressions', ({ key = '' }, place) => {
      const message = nodeLabelWarning(key);
      if (message !== undefined) warnings.push(`${place.child('key')}: ${key} is ${message}`);
    }),
  );
  return warnings;
}

export function storageCapacityWarnings({ nodeTopology }: CSIStorageCapacity): readonly string[] {
  return nodeLabelSelectorWarnings(nodeTopology, Field.root([], 'nodeTopology'));
}
