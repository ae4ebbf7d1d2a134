import { formatTime, isDnsSubdomain } from '@keelson/api';
import type { LocalVolumeSource, PersistentVolume, PersistentVolumeSpec } from '@keelson/api/core/v1';
import type { Strategy } from '../../registry/strategy.ts';
import {
  checkDriverName,
  checkFixed,
  checkNamed,
  checkNoBacksteps,
  checkOptionalChoice,
  checkPresent,
} from '../../validation/checks.ts';
import { sameJson } from '../../validation/equality.ts';
import { Field } from '../../validation/field.ts';
import { textsOf } from '../../validation/lists.ts';
import { checkPositiveQuantity } from '../../validation/quantities.ts';
import { checkNodeSelector } from '../../validation/selectors.ts';
import { checkHostPath } from '../pod/volume-validation.ts';
import { checkAccessModes, VOLUME_MODES } from './claim-validation.ts';
import { volumeObjectWarnings } from '../warnings/storage-warnings.ts';

const RECLAIM_POLICIES = ['Delete', 'Recycle', 'Retain'];
/** What a volume's spec says besides its source. */
const NOT_A_SOURCE = new Set([
  'accessModes',
  'capacity',
  'claimRef',
  'mountOptions',
  'nodeAffinity',
  'persistentVolumeReclaimPolicy',
  'storageClassName',
  'volumeAttributesClassName',
  'volumeMode',
]);

export const volumeStrategy: Strategy<PersistentVolume> = {
  warnings: volumeObjectWarnings,
  setDefaults(volume) {
    volume.status ??= {};
    volume.status.phase ??= 'Pending';
    const { spec } = volume;
    if (spec === undefined) return;
    spec.persistentVolumeReclaimPolicy ??= 'Retain';
    spec.volumeMode ??= 'Filesystem';
    setSourceDefaults(spec);
  },
  prepareForCreate: (volume, { nowMs }) =>
    void (volume.status = { phase: 'Pending', lastPhaseTransitionTime: formatTime(nowMs) }),
  prepareForStatusUpdate(volume, old, { nowMs }) {
    if (volume.status === undefined || volume.status.phase === old.status?.phase) return;
    if (sameJson(volume.status.lastPhaseTransitionTime, old.status?.lastPhaseTransitionTime))
      volume.status.lastPhaseTransitionTime = formatTime(nowMs);
  },
  validate: ({ spec }) => Field.collect((at) => checkVolume(spec ?? {}, at)),
  validateUpdate: (volume, old) =>
    Field.collect((at) => {
      if (!sameJson(sourceOf(volume.spec), sourceOf(old.spec))) {
        at.child('spec').child('persistentvolumesource').forbidden('spec.persistentvolumesource is immutable after creation');
      }
      // These two names are Kubernetes' own.
      checkFixed(volume.spec?.volumeMode, old.spec?.volumeMode, at, 'volumeMode');
      if (old.spec?.nodeAffinity !== undefined) checkFixed(volume.spec?.nodeAffinity, old.spec.nodeAffinity, at, 'nodeAffinity');
    }),
  hasGeneration: false,
};

function setSourceDefaults({ hostPath, iscsi, rbd, azureDisk, scaleIO }: PersistentVolumeSpec): void {
  if (hostPath !== undefined) hostPath.type ??= '';
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

function sourceOf(spec: PersistentVolumeSpec | undefined): unknown {
  return Object.fromEntries(Object.entries(spec ?? {}).filter(([key, value]) => !NOT_A_SOURCE.has(key) && value !== undefined));
}

function checkVolume(spec: PersistentVolumeSpec, root: Field): void {
  const at = root.child('spec');
  checkAccessModes(textsOf(spec.accessModes), at, '');
  checkCapacity(spec, at);
  checkOptionalChoice(spec.persistentVolumeReclaimPolicy, RECLAIM_POLICIES, () => at.child('persistentVolumeReclaimPolicy'));
  checkAffinity(spec, at.child('nodeAffinity'));
  checkSource(spec, at);
  if (spec.local !== undefined && spec.nodeAffinity === undefined)
    root.child('metadata').child('annotations').required('Local volume requires node affinity');
  if (spec.hostPath?.path === '/' && spec.persistentVolumeReclaimPolicy === 'Recycle')
    at.child('persistentVolumeReclaimPolicy').forbidden("may not be 'recycle' for a hostPath mount of '/'");
  checkNamed(isDnsSubdomain, spec.storageClassName, at, 'storageClassName');
  checkOptionalChoice(spec.volumeMode, VOLUME_MODES, () => at.child('volumeMode'));
  checkAttributesClass(spec, at);
}

function checkAffinity({ nodeAffinity }: PersistentVolumeSpec, at: Field): void {
  if (nodeAffinity === undefined) return;
  if (nodeAffinity.required === undefined) at.child('required').required('must specify required node constraints');
  else checkNodeSelector(nodeAffinity.required, at.child('required'));
}

function checkAttributesClass({ volumeAttributesClassName: name, csi }: PersistentVolumeSpec, at: Field): void {
  if (name === undefined) return;
  if (name === '') at.child('volumeAttributesClassName').required('an empty string is disallowed');
  checkNamed(isDnsSubdomain, name, at, 'volumeAttributesClassName');
  if (csi === undefined) at.child('csi').required('has to be specified when using volumeAttributesClassName');
}

function checkCapacity({ capacity }: PersistentVolumeSpec, parent: Field): void {
  const at = parent.child('capacity');
  const names = Object.keys(capacity ?? {});
  if (names.length === 0) at.required();
  if (names.length !== 1 || names[0] !== 'storage') at.notSupported(capacity ?? null, ['storage']);
  for (const name of names) checkPositiveQuantity(capacity?.[name] ?? '0', at.key(name));
}

type Sources = {
  readonly [S in keyof PersistentVolumeSpec]?: (source: NonNullable<PersistentVolumeSpec[S]>, at: Field) => void;
};

/** Of sources without further rules: the fields that must be there. */
function needs<T extends object>(...names: readonly (keyof T & string)[]): (source: T, at: Field) => void {
  return (source, at) => {
    for (const name of names) checkPresent(source[name], at, name);
  };
}

const SOURCES: Sources = {
  hostPath: checkHostPath,
  local: checkLocal,
  csi: (source, at) => {
    checkDriverName(source.driver, at.child('driver'));
    checkPresent(source.volumeHandle, at, 'volumeHandle');
    for (const secret of SECRETS) {
      if (source[secret] === undefined) continue;
      checkPresent(source[secret].name, at.child(secret), 'name');
      checkPresent(source[secret].namespace, at.child(secret), 'namespace');
    }
  },
  nfs: (source, at) => {
    checkPresent(source.server, at, 'server');
    if (checkPresent(source.path, at, 'path') && !source.path.startsWith('/'))
      at.child('path').invalid(source.path, 'must be an absolute path');
  },
  awsElasticBlockStore: needs('volumeID'),
  azureDisk: needs('diskName', 'diskURI'),
  azureFile: needs('secretName', 'shareName'),
  cephfs: needs('monitors'),
  cinder: needs('volumeID'),
  flexVolume: needs('driver'),
  gcePersistentDisk: needs('pdName'),
  glusterfs: needs('endpoints', 'path'),
  iscsi: needs('targetPortal', 'iqn'),
  photonPersistentDisk: needs('pdID'),
  portworxVolume: needs('volumeID'),
  quobyte: needs('registry', 'volume'),
  rbd: needs('monitors', 'image'),
  scaleIO: needs('gateway', 'system', 'volumeName'),
  vsphereVolume: needs('volumePath'),
};

const SECRETS = [
  'controllerPublishSecretRef',
  'controllerExpandSecretRef',
  'nodePublishSecretRef',
  'nodeExpandSecretRef',
  'nodeStageSecretRef',
] as const;

/** The first source is the one that counts. */
function checkSource(spec: PersistentVolumeSpec, at: Field): void {
  const [first, ...more] = Object.keys(sourceOf(spec) as object) as (keyof PersistentVolumeSpec)[];
  if (first === undefined) return at.required('must specify a volume type');
  checkOneSource(spec, first, at.child(first));
  for (const extra of more) at.child(extra).forbidden('may not specify more than 1 volume type');
}

function checkOneSource<S extends keyof PersistentVolumeSpec>(spec: PersistentVolumeSpec, kind: S, at: Field): void {
  const source = spec[kind];
  if (source !== undefined && source !== null) SOURCES[kind]?.(source, at);
}

function checkLocal({ path }: LocalVolumeSource, at: Field): void {
  if (path === undefined || path === '') at.child('path').required();
  else checkNoBacksteps(path, at.child('path'));
}
