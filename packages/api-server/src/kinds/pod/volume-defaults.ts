import type { DownwardAPIVolumeFile, PersistentVolumeClaimSpec, ProjectedVolumeSource, Volume } from '@keelson/api/core/v1';
import { defaultPullPolicy } from './pull-policy.ts';

/** 0644 */
const DEFAULT_MODE = 420;

export function setVolumeDefaults(volume: Volume): void {
  if (!hasSource(volume)) volume.emptyDir = {};
  if (volume.secret !== undefined) volume.secret.defaultMode ??= DEFAULT_MODE;
  if (volume.configMap !== undefined) volume.configMap.defaultMode ??= DEFAULT_MODE;
  if (volume.hostPath !== undefined) volume.hostPath.type ??= '';
  if (volume.downwardAPI !== undefined) {
    volume.downwardAPI.defaultMode ??= DEFAULT_MODE;
    setFieldRefDefaults(volume.downwardAPI.items);
  }
  if (volume.projected !== undefined) setProjectedDefaults(volume.projected);
  if (volume.image !== undefined) volume.image.pullPolicy ||= defaultPullPolicy(volume.image.reference ?? '');
  if (volume.ephemeral?.volumeClaimTemplate?.spec !== undefined) setClaimSpecDefaults(volume.ephemeral.volumeClaimTemplate.spec);
  setNetworkVolumeDefaults(volume);
}

function hasSource(volume: Volume): boolean {
  for (const key in volume) {
    if (key !== 'name' && volume[key as keyof Volume] !== undefined) return true;
  }
  return false;
}

function setFieldRefDefaults(files: readonly DownwardAPIVolumeFile[] | undefined): void {
  for (const file of files ?? []) {
    if (file.fieldRef !== undefined) file.fieldRef.apiVersion ||= 'v1';
  }
}

function setProjectedDefaults(projected: ProjectedVolumeSource): void {
  projected.defaultMode ??= DEFAULT_MODE;
  for (const source of projected.sources ?? []) {
    if (source.serviceAccountToken !== undefined) source.serviceAccountToken.expirationSeconds ??= 3600;
    setFieldRefDefaults(source.downwardAPI?.items);
  }
}

export function setClaimSpecDefaults(spec: PersistentVolumeClaimSpec): void {
  spec.volumeMode ??= 'Filesystem';
}

function setNetworkVolumeDefaults({ iscsi, rbd, azureDisk, scaleIO }: Volume): void {
  if (iscsi !== undefined) iscsi.iscsiInterface ||= 'default';
  if (rbd !== undefined) {
    rbd.pool ||= 'rbd';
    rbd.user ||= 'admin';
    rbd.keyring ||= '/etc/ceph/keyring';
  }
  if (azureDisk !== undefined) {
    azureDisk.cachingMode ??= 'ReadWrite';
    azureDisk.kind ??= 'Shared';
    azureDisk.fsType ??= 'ext4';
    azureDisk.readOnly ??= false;
  }
  if (scaleIO !== undefined) {
    scaleIO.storageMode ||= 'ThinProvisioned';
    scaleIO.fsType ||= 'xfs';
  }
}
