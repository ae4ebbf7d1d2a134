import { isDnsSubdomain } from '@keelson/api';
import type { PersistentVolume, PersistentVolumeClaim, PersistentVolumeSpec } from '@keelson/api/core/v1';
import type { StorageClass } from '@keelson/api/storage/v1';
import type { Strategy } from '../../registry/strategy.ts';
import { checkNamed, checkOptionalChoice, checkPresent } from '../../validation/checks.ts';
import { sameJson } from '../../validation/equality.ts';
import { Field } from '../../validation/field.ts';
import { textsOf } from '../../validation/lists.ts';
import { checkPositiveQuantity, quantityOf } from '../../validation/quantities.ts';
import { checkNodeSelector } from '../../validation/selectors.ts';
import { checkHostPath } from '../pod/volume-validation.ts';
import { setClaimSpecDefaults } from '../pod/volume-defaults.ts';
import { checkAccessModes, checkClaimSpec, VOLUME_MODES } from './claim-validation.ts';

const RECLAIM_POLICIES = ['Delete', 'Recycle', 'Retain'];
const BINDING_MODES = ['Immediate', 'WaitForFirstConsumer'];
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

export const claimStrategy: Strategy<PersistentVolumeClaim> = {
  setDefaults(claim) {
    claim.status ??= {};
    claim.status.phase ??= 'Pending';
    if (claim.spec !== undefined) setClaimSpecDefaults(claim.spec);
  },
  prepareForCreate: (claim) => void (claim.status = { phase: 'Pending' }),
  validate: ({ spec }) => Field.collect((at) => checkClaimSpec(spec ?? {}, at.child('spec'))),
  validateUpdate: (claim, old) => Field.collect((at) => checkClaimUpdate(claim, old, at.child('spec'))),
  hasGeneration: false,
};

const CLAIM_FIXED = 'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';

function checkClaimUpdate({ spec = {} }: PersistentVolumeClaim, old: Readonly<PersistentVolumeClaim>, at: Field): void {
  const before = old.spec ?? {};
  const isBound = old.status?.phase === 'Bound';
  const fixed = {
    ...spec,
    volumeName: before.volumeName === undefined || before.volumeName === '' ? before.volumeName : spec.volumeName,
    resources: isBound ? { ...spec.resources, requests: before.resources?.requests } : spec.resources,
    volumeAttributesClassName: before.volumeAttributesClassName,
  };
  if (!sameJson(fixed, before)) at.forbidden(CLAIM_FIXED);
  const [size, oldSize] = [spec.resources?.requests?.['storage'], before.resources?.requests?.['storage']];
  if (size === undefined || oldSize === undefined || quantityOf(size).cmp(quantityOf(oldSize)) >= 0) return;
  const floor = old.status?.capacity?.['storage'];
  if (floor !== undefined && quantityOf(size).cmp(quantityOf(floor)) > 0) return;
  at.child('resources').child('requests').child('storage').forbidden('field can not be less than status.capacity');
}

export const volumeStrategy: Strategy<PersistentVolume> = {
  setDefaults(volume) {
    volume.status ??= {};
    volume.status.phase ??= 'Pending';
    const { spec } = volume;
    if (spec === undefined) return;
    spec.persistentVolumeReclaimPolicy ??= 'Retain';
    spec.volumeMode ??= 'Filesystem';
    if (spec.hostPath !== undefined) spec.hostPath.type ??= '';
    if (spec.iscsi !== undefined) spec.iscsi.iscsiInterface ||= 'default';
  },
  prepareForCreate: (volume) => void (volume.status = { phase: 'Pending' }),
  validate: ({ spec }) => Field.collect((at) => checkVolume(spec ?? {}, at.child('spec'))),
  validateUpdate: (volume, old) =>
    Field.collect((at) => {
      if (!sameJson(sourceOf(volume.spec), sourceOf(old.spec))) {
        at.child('spec').child('persistentvolumesource').forbidden('spec.persistentvolumesource is immutable after creation');
      }
      if (volume.spec?.volumeMode !== old.spec?.volumeMode)
        at.child('spec').child('volumeMode').invalid(volume.spec?.volumeMode, 'field is immutable');
    }),
  hasGeneration: false,
};

function sourceOf(spec: PersistentVolumeSpec | undefined): unknown {
  return Object.fromEntries(Object.entries(spec ?? {}).filter(([key, value]) => !NOT_A_SOURCE.has(key) && value !== undefined));
}

function checkVolume(spec: PersistentVolumeSpec, at: Field): void {
  checkAccessModes(textsOf(spec.accessModes), at, '');
  checkCapacity(spec, at);
  checkOptionalChoice(spec.persistentVolumeReclaimPolicy, RECLAIM_POLICIES, () => at.child('persistentVolumeReclaimPolicy'));
  if (spec.nodeAffinity?.required !== undefined)
    checkNodeSelector(spec.nodeAffinity.required, at.child('nodeAffinity').child('required'));
  const sources = Object.keys(spec).filter(
    (key) => !NOT_A_SOURCE.has(key) && spec[key as keyof PersistentVolumeSpec] !== undefined,
  );
  if (sources.length === 0) at.required('must specify a volume type');
  for (const extra of sources.slice(1)) at.child(extra).forbidden('may not specify more than 1 volume type');
  if (spec.hostPath !== undefined) checkHostPath(spec.hostPath, at.child('hostPath'));
  if (spec.local !== undefined && spec.nodeAffinity === undefined)
    at.child('nodeAffinity').required('Local volume requires node affinity');
  if (spec.csi !== undefined) {
    checkPresent(spec.csi.driver, at.child('csi'), 'driver');
    checkPresent(spec.csi.volumeHandle, at.child('csi'), 'volumeHandle');
  }
  checkNamed(isDnsSubdomain, spec.storageClassName, at, 'storageClassName');
  checkOptionalChoice(spec.volumeMode, VOLUME_MODES, () => at.child('volumeMode'));
}

function checkCapacity({ capacity = {} }: PersistentVolumeSpec, parent: Field): void {
  const at = parent.child('capacity');
  const names = Object.keys(capacity);
  if (names.length === 0) at.required();
  if (names.length !== 1 || names[0] !== 'storage') at.notSupported(capacity, ['storage']);
  for (const name of names) checkPositiveQuantity(capacity[name] ?? '0', at.key(name));
}

export const storageClassStrategy: Strategy<StorageClass> = {
  setDefaults(storageClass) {
    storageClass.reclaimPolicy ??= 'Delete';
    storageClass.volumeBindingMode ??= 'Immediate';
  },
  validate: (storageClass) =>
    Field.collect((at) => {
      checkPresent(storageClass.provisioner, at, 'provisioner');
      checkOptionalChoice(storageClass.reclaimPolicy, RECLAIM_POLICIES.toSpliced(1, 1), () => at.child('reclaimPolicy'));
      checkOptionalChoice(storageClass.volumeBindingMode, BINDING_MODES, () => at.child('volumeBindingMode'));
    }),
  validateUpdate: (storageClass, old) =>
    Field.collect((at) => {
      if (!sameJson(storageClass.parameters, old.parameters))
        at.child('parameters').forbidden('updates to parameters are forbidden.');
      if (storageClass.provisioner !== old.provisioner)
        at.child('provisioner').forbidden('updates to provisioner are forbidden.');
      if (storageClass.reclaimPolicy !== old.reclaimPolicy)
        at.child('reclaimPolicy').forbidden('updates to reclaimPolicy are forbidden.');
      if (storageClass.volumeBindingMode !== old.volumeBindingMode)
        at.child('volumeBindingMode').invalid(storageClass.volumeBindingMode, 'field is immutable');
    }),
};
