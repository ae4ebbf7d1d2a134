import type { KubernetesObject } from '@keelson/api';
import type { PersistentVolume, PersistentVolumeClaim } from '@keelson/api/core/v1';
import type { ResourceClaim } from '@keelson/api/resource/v1';
import type { Cell } from './cell.ts';
import { accessModesText } from './expressions.ts';

const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';
const DEFAULT_CLASS_ANNOTATIONS = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
];
const DEFAULT_ATTRIBUTES_ANNOTATIONS = ['volumeattributesclass.alpha.kubernetes.io/is-default-class'];

function phaseOrTerminating({ metadata, status }: PersistentVolume | PersistentVolumeClaim): string {
  return metadata?.deletionTimestamp ? 'Terminating' : (status?.phase ?? '');
}

function pvClaim({ spec }: PersistentVolume): string {
  return spec?.claimRef ? `${spec.claimRef.namespace ?? ''}/${spec.claimRef.name ?? ''}` : '';
}

function storageClass({ metadata, spec }: PersistentVolume | PersistentVolumeClaim): string {
  return metadata?.annotations?.[CLASS_ANNOTATION] ?? spec?.storageClassName ?? '';
}

function pvcCapacity({ spec, status }: PersistentVolumeClaim): string {
  return spec?.volumeName ? (status?.capacity?.storage ?? '0') : '';
}

function pvcAccessModes({ spec, status }: PersistentVolumeClaim): string {
  return spec?.volumeName ? accessModesText(status?.accessModes) : '';
}

function nameWithDefault(annotations: readonly string[]): Cell {
  return ({ metadata }: KubernetesObject) => {
    const isDefault = annotations.some((annotation) => metadata?.annotations?.[annotation] === 'true');
    return `${metadata?.name ?? ''}${isDefault ? ' (default)' : ''}`;
  };
}

function claimState({ metadata, status }: ResourceClaim): string {
  const states: string[] = [];
  if (metadata?.deletionTimestamp) states.push('deleted');
  if (status?.allocation) {
    states.push('allocated');
    if (status.reservedFor && status.reservedFor.length > 0) states.push('reserved');
  } else if (!metadata?.deletionTimestamp) states.push('pending');
  return states.join(',');
}

export const STORAGE_CELLS: Readonly<Record<string, Cell>> = {
  phaseOrTerminating,
  pvClaim,
  storageClass,
  pvcCapacity,
  pvcAccessModes,
  storageClassName: nameWithDefault(DEFAULT_CLASS_ANNOTATIONS),
  vacName: nameWithDefault(DEFAULT_ATTRIBUTES_ANNOTATIONS),
  claimState,
};
