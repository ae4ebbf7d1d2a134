import {
  isDns1035Label,
  isDnsLabel,
  isDnsSubdomain,
  isPathSegmentName,
  isQualifiedName,
  isValidLabelValue,
  type NameCheck,
} from '@keelson/api';
import type { ObjectMeta, OwnerReference } from '@keelson/api/meta/v1';
import type { NameRule } from '../registry/strategy.ts';
import { sameJson } from './equality.ts';
import type { FieldError } from './field-error.ts';
import { Field } from './field.ts';
import { remembering } from './remembering.ts';

const MAX_ANNOTATIONS_BYTES = 256 * 1024;
const MAX_FIELD_MANAGER = 128;

/** The same few keys come with every object, and most values more than once. */
const checkKey = remembering(isQualifiedName);
const checkValue = remembering(isValidLabelValue);

const NAME_CHECKS: Readonly<Record<NameRule, NameCheck>> = {
  'dns-subdomain': isDnsSubdomain,
  'dns-label': isDnsLabel,
  'dns-1035-label': isDns1035Label,
  'path-segment': isPathSegmentName,
};

/** A name that a suffix will follow may end in a dash. */
function checkPrefix(rule: NameRule, prefix: string): readonly string[] {
  if (rule === 'path-segment') return isPathSegmentName(`${prefix}a`);
  return NAME_CHECKS[rule](prefix.endsWith('-') && prefix.length > 1 ? `${prefix.slice(0, -1)}a` : prefix);
}

export interface MetaRules {
  readonly namespaced: boolean;
  /** Default `dns-subdomain`. */
  readonly nameRule?: NameRule | undefined;
}

/** Metadata of a new object, after a name was generated for it. */
export function validateObjectMeta(meta: ObjectMeta, rules: MetaRules): FieldError[] {
  const errors: FieldError[] = [];
  const at = Field.root(errors, 'metadata');
  checkNames(meta, rules, at);
  checkNamespace(meta, rules.namespaced, at);
  if ((meta.generation ?? 0) < 0) at.child('generation').invalid(meta.generation, 'must be greater than or equal to 0');
  checkCommon(meta, at);
  return errors;
}

/** Everything that must hold of the metadata of a changed object: `validateObjectMeta` need not be asked as well. */
export function validateObjectMetaUpdate(meta: ObjectMeta, oldMeta: ObjectMeta): FieldError[] {
  const errors: FieldError[] = [];
  const at = Field.root(errors, 'metadata');
  if (oldMeta.deletionTimestamp !== undefined) checkNoNewFinalizers(meta, oldMeta, at);
  if ((meta.generation ?? 0) < (oldMeta.generation ?? 0))
    at.child('generation').invalid(meta.generation ?? 0, 'must not be decremented');
  for (const field of IMMUTABLE) {
    if (!sameJson(meta[field], oldMeta[field])) at.child(field).invalid(meta[field] ?? EMPTY_VALUE[field], 'field is immutable');
  }
  checkCommon(meta, at);
  return errors;
}

const IMMUTABLE = ['name', 'namespace', 'uid', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const;
const EMPTY_VALUE: Readonly<Record<string, string>> = { name: '', namespace: '', uid: '' };

function checkNames(meta: ObjectMeta, rules: MetaRules, at: Field): void {
  const rule = rules.nameRule ?? 'dns-subdomain';
  if (meta.generateName !== undefined && meta.generateName !== '') {
    for (const message of checkPrefix(rule, meta.generateName)) at.child('generateName').invalid(meta.generateName, message);
  }
  if (meta.name === undefined || meta.name === '') return at.child('name').required('name or generateName is required');
  for (const message of NAME_CHECKS[rule](meta.name)) at.child('name').invalid(meta.name, message);
}

function checkNamespace(meta: ObjectMeta, namespaced: boolean, at: Field): void {
  const { namespace = '' } = meta;
  if (!namespaced) {
    if (namespace !== '') at.child('namespace').forbidden('not allowed on this type');
  } else if (namespace === '') {
    at.child('namespace').required();
  } else {
    for (const message of isDnsLabel(namespace)) at.child('namespace').invalid(namespace, message);
  }
}

function checkCommon(meta: ObjectMeta, at: Field): void {
  checkLabels(meta.labels, at.child('labels'));
  checkAnnotations(meta.annotations, at.child('annotations'));
  checkOwnerReferences(meta.ownerReferences ?? [], at.child('ownerReferences'));
  checkFinalizers(meta.finalizers ?? [], at.child('finalizers'));
  for (const [position, entry] of (meta.managedFields ?? []).entries())
    checkManagedFields(entry, at.child('managedFields').index(position));
}

/** Labels of anything: of an object, a template or a selector's `matchLabels`. */
export function checkLabels(labels: Readonly<Record<string, string>> | undefined, at: Field): void {
  for (const name in labels) {
    for (const message of checkKey(name)) at.invalid(name, message);
    const value = labels[name] ?? '';
    for (const message of checkValue(value)) at.invalid(value, message);
  }
}

/** Annotations: keys are like those of labels but may have capitals, values are free; 256 KiB in all. */
export function checkAnnotations(annotations: Readonly<Record<string, string>> | undefined, at: Field): void {
  let sizeBytes = 0;
  for (const name in annotations) {
    for (const message of checkKey(name.toLowerCase())) at.invalid(name, message);
    sizeBytes += Buffer.byteLength(name) + Buffer.byteLength(annotations[name] ?? '');
  }
  if (sizeBytes > MAX_ANNOTATIONS_BYTES) at.tooLong(MAX_ANNOTATIONS_BYTES);
}

function checkOwnerReferences(references: readonly OwnerReference[], at: Field): void {
  let controller: string | undefined;
  for (const reference of references) {
    checkOwnerReference(reference, at);
    if (reference.controller !== true) continue;
    const name = `${reference.kind}/${reference.name}`;
    if (controller === undefined) controller = name;
    else
      at.invalid(
        references,
        `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${name}`,
      );
  }
}

function checkOwnerReference(reference: OwnerReference, at: Field): void {
  const version = reference.apiVersion?.split('/').at(-1) ?? '';
  if (version === '') at.child('apiVersion').invalid(reference.apiVersion ?? '', 'version must not be empty');
  for (const field of ['kind', 'name', 'uid'] as const) {
    if ((reference[field] ?? '') === '') at.child(field).invalid('', 'must not be empty');
  }
  if (reference.apiVersion === 'v1' && reference.kind === 'Event')
    at.invalid(reference, '/v1, Kind=Event is disallowed from being an owner');
}

function checkFinalizers(finalizers: readonly string[], at: Field): void {
  for (const finalizer of finalizers) {
    for (const message of isQualifiedName(finalizer)) at.invalid(finalizer, message);
  }
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    at.invalid(finalizers, 'finalizer orphan and foregroundDeletion cannot be both set');
  }
}

function checkNoNewFinalizers(meta: ObjectMeta, oldMeta: ObjectMeta, at: Field): void {
  const extra = [...new Set(meta.finalizers)].filter((finalizer) => oldMeta.finalizers?.includes(finalizer) !== true).toSorted();
  if (extra.length === 0) return;
  const list = `[]string{${extra.map((finalizer) => JSON.stringify(finalizer)).join(', ')}}`;
  at.child('finalizers').forbidden(`no new finalizers can be added if the object is being deleted, found new finalizers ${list}`);
}

type ManagedFields = NonNullable<ObjectMeta['managedFields']>[number];

function checkManagedFields(entry: ManagedFields, at: Field): void {
  const { operation = '', fieldsType = '', manager = '' } = entry;
  if (operation !== 'Apply' && operation !== 'Update') at.child('operation').invalid(operation, 'must be `Apply` or `Update`');
  if (fieldsType !== '' && fieldsType !== 'FieldsV1') at.child('fieldsType').invalid(fieldsType, 'must be `FieldsV1`');
  if (Buffer.byteLength(manager) > MAX_FIELD_MANAGER) at.child('manager').tooLong(MAX_FIELD_MANAGER);
}
