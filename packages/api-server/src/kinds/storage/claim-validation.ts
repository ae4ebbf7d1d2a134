import { isDnsSubdomain } from '@keelson/api';
import type { PersistentVolumeClaimSpec, TypedLocalObjectReference, TypedObjectReference } from '@keelson/api/core/v1';
import { checkNamed, checkOptionalChoice, checkPresent } from '../../validation/checks.ts';
import { sameJson } from '../../validation/equality.ts';
import type { Field } from '../../validation/field.ts';
import { textsOf } from '../../validation/lists.ts';
import { checkPositiveQuantity } from '../../validation/quantities.ts';
import { checkLabelSelector } from '../../validation/selectors.ts';

export const ACCESS_MODES: readonly string[] = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];
export const VOLUME_MODES: readonly string[] = ['Block', 'Filesystem'];

export function checkAccessModes(modes: readonly string[] | undefined, parent: Field, whenMissing: string): void {
  const at = parent.child('accessModes');
  if (modes === undefined || modes.length === 0) return at.required(whenMissing);
  for (const mode of modes) {
    if (!ACCESS_MODES.includes(mode)) at.notSupported(mode, ACCESS_MODES);
  }
  if (modes.includes('ReadWriteOncePod') && modes.some((mode) => mode !== 'ReadWriteOncePod')) {
    at.forbidden('may not use ReadWriteOncePod with other access modes');
  }
}

export function checkClaimSpec(spec: PersistentVolumeClaimSpec, at: Field): void {
  checkAccessModes(textsOf(spec.accessModes), at, 'at least 1 access mode is required');
  checkLabelSelector(spec.selector, at.child('selector'));
  const storage = spec.resources?.requests?.['storage'];
  if (storage === undefined) at.child('resources').key('storage').required();
  else checkPositiveQuantity(storage, at.child('resources').key('storage'));
  checkNamed(isDnsSubdomain, spec.storageClassName, at, 'storageClassName');
  checkOptionalChoice(spec.volumeMode, VOLUME_MODES, () => at.child('volumeMode'));
  if (spec.dataSource !== undefined) checkSource(spec.dataSource, at.child('dataSource'));
  if (spec.dataSourceRef !== undefined) checkSource(spec.dataSourceRef, at.child('dataSourceRef'));
  if (spec.dataSource !== undefined && spec.dataSourceRef !== undefined && !isSameSource(spec.dataSource, spec.dataSourceRef))
    at.invalid(at.child('dataSource').toString(), 'must match dataSourceRef');
  checkNamed(isDnsSubdomain, spec.volumeAttributesClassName, at, 'volumeAttributesClassName');
}

type Source = TypedLocalObjectReference | TypedObjectReference;

function checkSource(source: Source, at: Field): void {
  checkPresent(source.name, at, 'name');
  checkPresent(source.kind, at, 'kind');
  const group = source.apiGroup ?? '';
  if (group === '' && source.kind !== 'PersistentVolumeClaim')
    at.invalid(source.kind ?? '', "must be 'PersistentVolumeClaim' when referencing the default apiGroup");
  checkNamed(isDnsSubdomain, group, at, 'apiGroup');
}

function isSameSource(source: Source, reference: Source): boolean {
  const parts = ({ apiGroup, kind, name }: Source): unknown => ({ apiGroup, kind, name });
  return sameJson(parts(source), parts(reference));
}
