import { isDnsSubdomain } from '@keelson/api';
import type { PersistentVolumeClaimSpec } from '@keelson/api/core/v1';
import { checkNamed, checkOptionalChoice } from '../../validation/checks.ts';
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
}
