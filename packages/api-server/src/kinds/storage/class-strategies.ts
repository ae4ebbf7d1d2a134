import { isQualifiedName } from '@keelson/api';
import type { TopologySelectorTerm } from '@keelson/api/core/v1';
import type { StorageClass, VolumeAttributesClass } from '@keelson/api/storage/v1';
import type { Strategy } from '../../registry/strategy.ts';
import { checkFixed, checkLabelKey, checkOptionalChoice } from '../../validation/checks.ts';
import { sameJson } from '../../validation/equality.ts';
import { checkEach, Field, Unique } from '../../validation/field.ts';
import { storageClassWarnings } from '../warnings/storage-warnings.ts';

const RECLAIM_POLICIES = ['Delete', 'Retain'];
const BINDING_MODES = ['Immediate', 'WaitForFirstConsumer'];
const MAX_PARAMETERS = 512;
const MAX_PARAMETER_BYTES = 256 * 1024;

export const storageClassStrategy: Strategy<StorageClass> = {
  warnings: storageClassWarnings,
  setDefaults(storageClass) {
    storageClass.reclaimPolicy ??= 'Delete';
    storageClass.volumeBindingMode ??= 'Immediate';
  },
  validate: (storageClass) =>
    Field.collect((at) => {
      checkDriver(storageClass.provisioner, at.child('provisioner'));
      checkParameters(storageClass.parameters, at.child('parameters'));
      checkOptionalChoice(storageClass.reclaimPolicy, RECLAIM_POLICIES, () => at.child('reclaimPolicy'));
      checkOptionalChoice(storageClass.volumeBindingMode, BINDING_MODES, () => at.child('volumeBindingMode'));
      checkTopologies(storageClass.allowedTopologies, at);
    }),
  validateUpdate: (storageClass, old) =>
    Field.collect((at) => {
      for (const name of ['parameters', 'provisioner', 'reclaimPolicy'] as const) {
        if (!sameJson(storageClass[name], old[name])) at.child(name).forbidden(`updates to ${name} are forbidden.`);
      }
      checkFixed(storageClass.volumeBindingMode, old.volumeBindingMode, at, 'volumeBindingMode');
    }),
};

export const attributesClassStrategy: Strategy<VolumeAttributesClass> = {
  validate: ({ driverName, parameters }) =>
    Field.collect((at) => {
      checkDriver(driverName, at.child('driverName'));
      checkParameters(parameters, at.child('parameters'));
      if (Object.keys(parameters ?? {}).length === 0) at.child('parameters').required('must contain at least one key/value pair');
    }),
  validateUpdate: (attributes, old) =>
    Field.collect((at) => {
      for (const name of ['driverName', 'parameters'] as const) {
        if (!sameJson(attributes[name], old[name])) at.child(name).forbidden(`updates to ${name} are forbidden.`);
      }
    }),
};

function checkDriver(name: string | undefined, at: Field): void {
  if (name === undefined || name === '') return at.required();
  for (const message of isQualifiedName(name.toLowerCase())) at.invalid(name.toLowerCase(), message);
}

function checkParameters(parameters: Readonly<Record<string, string>> = {}, at: Field): void {
  const entries = Object.entries(parameters);
  if (entries.length > MAX_PARAMETERS) return at.tooLong(MAX_PARAMETERS);
  if (Object.hasOwn(parameters, '')) at.invalid('', 'field can not be empty.');
  const sizeBytes = entries.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
  if (sizeBytes > MAX_PARAMETER_BYTES) at.tooLong(MAX_PARAMETER_BYTES);
}

function checkTopologies(terms: readonly TopologySelectorTerm[] | undefined, root: Field): void {
  const known = new Unique();
  checkEach(terms, root, 'allowedTopologies', (term, at) => {
    const keys = new Unique();
    const wanted = new Map<string, string[]>();
    checkEach(term.matchLabelExpressions, at, 'matchLabelExpressions', ({ key = '', values = [] }, requirementAt) => {
      const list = requirementAt.child('values');
      if (values.length === 0) list.required();
      const unique = new Unique();
      checkEach(values, requirementAt, 'values', (value, valueAt) => {
        if (!unique.add(value)) valueAt.duplicate(value);
      });
      checkLabelKey(key, requirementAt.child('key'));
      if (!keys.add(key)) requirementAt.child('key').duplicate(key);
      wanted.set(key, values.toSorted());
    });
    const same = JSON.stringify([...wanted].toSorted(([a], [b]) => (a < b ? -1 : 1)));
    if (!known.add(same)) at.child('matchLabelExpressions').duplicate('');
  });
}
