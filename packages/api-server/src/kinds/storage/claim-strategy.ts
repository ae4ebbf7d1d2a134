import { cloneJson } from '@keelson/api';
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec, PersistentVolumeClaimStatus } from '@keelson/api/core/v1';
import type { Strategy } from '../../registry/strategy.ts';
import { checkFixed } from '../../validation/checks.ts';
import { sameJson } from '../../validation/equality.ts';
import { Field } from '../../validation/field.ts';
import { checkNonNegativeQuantity, quantityOf } from '../../validation/quantities.ts';
import { setClaimSpecDefaults } from '../pod/volume-defaults.ts';
import { checkAccessModes, checkClaimSpec } from './claim-validation.ts';
import { claimWarnings } from '../warnings/storage-warnings.ts';

const SNAPSHOTS = 'snapshot.storage.k8s.io';

export const claimStrategy: Strategy<PersistentVolumeClaim> = {
  warnings: claimWarnings,
  setDefaults(claim) {
    claim.status ??= {};
    claim.status.phase ??= 'Pending';
    if (claim.spec !== undefined) setClaimSpecDefaults(claim.spec);
  },
  prepareForCreate(claim) {
    claim.status = { phase: 'Pending' };
    if (claim.spec === undefined) return;
    dropUnknownSource(claim.spec);
    matchSources(claim.spec);
  },
  prepareForUpdate(claim, old) {
    if (claim.spec === undefined) return;
    if (old.spec?.dataSource === undefined) dropUnknownSource(claim.spec);
    matchSources(claim.spec);
  },
  validate: ({ spec }) => Field.collect((at) => checkClaimSpec(spec ?? {}, at.child('spec'))),
  validateUpdate: (claim, old) => Field.collect((at) => checkClaimUpdate(claim, old, at)),
  validateStatusUpdate: ({ status }) => Field.collect((at) => checkClaimStatus(status ?? {}, at.child('status'))),
  hasGeneration: false,
};

/** `dataSource` knows claims and snapshots only; other sources are left to `dataSourceRef`. */
function dropUnknownSource(spec: PersistentVolumeClaimSpec): void {
  const { kind, apiGroup = '' } = spec.dataSource ?? {};
  const isClaim = kind === 'PersistentVolumeClaim' && apiGroup === '';
  const isSnapshot = kind === 'VolumeSnapshot' && apiGroup === SNAPSHOTS;
  if (!isClaim && !isSnapshot) delete spec.dataSource;
}

/** Both fields say the same, whichever a client has set; a source of another namespace is one that the older field can't name. */
function matchSources(spec: PersistentVolumeClaimSpec): void {
  const { dataSource, dataSourceRef } = spec;
  if (dataSource !== undefined && dataSourceRef === undefined) spec.dataSourceRef = { ...dataSource };
  if (dataSource === undefined && dataSourceRef !== undefined && (dataSourceRef.namespace ?? '') === '') {
    const { apiGroup, kind, name } = dataSourceRef;
    spec.dataSource = { ...(apiGroup !== undefined && { apiGroup }), kind, name };
  }
}

const CLAIM_FIXED = 'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';

function checkClaimUpdate({ spec = {} }: PersistentVolumeClaim, old: Readonly<PersistentVolumeClaim>, root: Field): void {
  const at = root.child('spec');
  const before = old.spec ?? {};
  const fixed: PersistentVolumeClaimSpec = cloneJson({ ...spec, volumeAttributesClassName: before.volumeAttributesClassName });
  // What a claim without them gets later: the volume that is bound to it, the class that becomes the default one.
  if ((before.volumeName ?? '') === '') fixed.volumeName = before.volumeName;
  if (before.storageClassName === undefined) fixed.storageClassName = undefined;
  if (old.status?.phase === 'Bound' && fixed.resources?.requests !== undefined) {
    fixed.resources.requests = { ...fixed.resources.requests, storage: before.resources?.requests?.['storage'] ?? '0' };
  }
  if (!sameJson(fixed, before)) at.forbidden(CLAIM_FIXED);
  checkSizeUpdate(spec, old, at.child('resources').child('requests').child('storage'));
  checkFixed(spec.volumeMode, before.volumeMode, root, 'volumeMode');
  const isClassUsed = old.status?.currentVolumeAttributesClassName !== undefined;
  if (before.volumeAttributesClassName && !spec.volumeAttributesClassName && isClassUsed)
    at.child('volumeAttributesClassName').forbidden('update from non-nil value to nil is forbidden');
}

/** A claim can shrink again only as long as its volume has not grown. */
function checkSizeUpdate(spec: PersistentVolumeClaimSpec, old: Readonly<PersistentVolumeClaim>, at: Field): void {
  const [size, oldSize] = [spec.resources?.requests?.['storage'], old.spec?.resources?.requests?.['storage']];
  if (size === undefined || oldSize === undefined || quantityOf(size).cmp(quantityOf(oldSize)) >= 0) return;
  const floor = old.status?.capacity?.['storage'];
  if (floor !== undefined && quantityOf(size).cmp(quantityOf(floor)) > 0) return;
  at.forbidden('field can not be less than status.capacity');
}

function checkClaimStatus(status: PersistentVolumeClaimStatus, at: Field): void {
  if ((status.accessModes ?? []).length > 0) checkAccessModes(status.accessModes, at, '');
  for (const list of ['capacity', 'allocatedResources'] as const) {
    for (const name in status[list]) checkNonNegativeQuantity(status[list]?.[name] ?? '0', at.child(list).key(name));
  }
}
