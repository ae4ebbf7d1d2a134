import { isDns1035Label, isDnsSubdomain, type NameCheck } from '@keelson/api';
import type {
  CustomResourceColumnDefinition,
  CustomResourceDefinition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionVersion,
  CustomResourceSubresources,
} from '@keelson/api/apiextensions/v1';
import { checkPresent } from '../../validation/checks.ts';
import { checkEach, Field } from '../../validation/field.ts';
import type { FieldError } from '../../validation/field-error.ts';
import { checkConversion } from './conversion-validation.ts';
import { validateDefaults } from './default-validation.ts';
import { fieldAt } from './field-path.ts';
import { checkRootWithStatus, checkSchema } from './schema-validation.ts';
import { validateStructural } from './structural-validation.ts';

const SCOPES = ['Cluster', 'Namespaced'];
const COLUMN_TYPES = ['boolean', 'date', 'integer', 'number', 'string'];
const COLUMN_FORMATS = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password'];
const MAX_SELECTABLE = 8;
const MAX_WARNING = 256;

type Spec = CustomResourceDefinition['spec'];

/** Everything that must hold of a definition by itself. */
export function validateDefinition({ metadata, spec, status }: CustomResourceDefinition): readonly FieldError[] {
  const errors: FieldError[] = [];
  const root = Field.root(errors);
  const { name = '' } = metadata ?? {};
  if (name !== `${spec?.names?.plural ?? ''}.${spec?.group ?? ''}`)
    root.child('metadata').child('name').invalid(name, 'must be spec.names.plural+"."+spec.group');
  checkSpec(spec, { at: root.child('spec'), errors });
  checkNames(status?.acceptedNames ?? {}, root.child('status').child('acceptedNames'));
  checkStoredVersions(status?.storedVersions ?? [], spec?.versions ?? [], root.child('status').child('storedVersions'));
  if (spec?.preserveUnknownFields === true) {
    const why = 'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead';
    root.child('spec').child('preserveUnknownFields').invalid(true, why);
  }
  return errors;
}

interface Context {
  readonly at: Field;
  readonly errors: FieldError[];
}

function checkSpec(spec: Spec | undefined, { at, errors }: Context): void {
  checkGroup(spec?.group ?? '', at.child('group'));
  const scope = spec?.scope ?? '';
  if (scope === '') at.child('scope').required();
  else if (!SCOPES.includes(scope)) at.child('scope').notSupported(scope, SCOPES);
  const versions = spec?.versions ?? [];
  checkEach(versions, at, 'versions', (version, place) => checkVersion(version, { at: place, errors }));
  const names = versions.map(({ name }) => name);
  if (new Set(names).size < names.length) at.child('versions').invalid(versions, 'must contain unique version names');
  if (versions.filter(({ storage }) => storage).length !== 1)
    at.child('versions').invalid(versions, 'must have exactly one version marked as storage version');
  const place = at.child('names');
  for (const name of ['plural', 'singular', 'kind', 'listKind'] as const) checkPresent(spec?.names?.[name], place, name);
  checkNames(spec?.names ?? {}, place);
  checkConversion(spec?.conversion, at.child('conversion'));
}

function checkGroup(group: string, at: Field): void {
  if (group === '') return at.required();
  if (checkJoined(isDnsSubdomain, group, at)) return;
  if (!group.includes('.')) at.invalid(group, 'should be a domain with at least one dot');
}

/** All faults of a name in one error, as upstream does here. True if there are any. */
function checkJoined(check: NameCheck, value: string, at: Field, before = ''): boolean {
  const faults = check(value);
  if (faults.length > 0) at.invalid(value, before + faults.join(','));
  return faults.length > 0;
}

function checkVersion(version: CustomResourceDefinitionVersion, { at, errors }: Context): void {
  checkJoined(isDns1035Label, version.name ?? '', at.child('name'));
  checkWarning(version, at.child('deprecationWarning'));
  const schema = version.schema?.openAPIV3Schema;
  if (schema === undefined) at.child('schema').child('openAPIV3Schema').required();
  else checkVersionSchema(version, { at: at.child('schema').child('openAPIV3Schema'), errors });
  checkScale(version.subresources, at.child('subresources'));
  checkEach(version.additionalPrinterColumns, at, 'additionalPrinterColumns', checkColumn);
  checkSelectableFields(version, at.child('selectableFields'));
}

function checkVersionSchema({ schema, subresources }: CustomResourceDefinitionVersion, { at, errors }: Context): void {
  const root = schema?.openAPIV3Schema ?? {};
  if (subresources?.status !== undefined) checkRootWithStatus(root, at);
  if (root.nullable === true) at.child('nullable').forbidden('nullable cannot be true at the root');
  const structural = validateStructural(root, at.toString());
  errors.push(...(structural.length > 0 ? structural : validateDefaults(root, at.toString())));
  checkSchema(root, at);
}

function checkWarning({ deprecated, deprecationWarning: warning }: CustomResourceDefinitionVersion, at: Field): void {
  if (warning === undefined) return;
  if (deprecated !== true) return at.invalid(warning, 'can only be set for deprecated versions');
  if (Buffer.byteLength(warning) > MAX_WARNING) at.invalid(warning, 'must be <= 256 characters long');
  if (warning === '') at.invalid(warning, 'must not be an empty string');
  const place = warning.search(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u);
  if (place >= 0) {
    const why = `must only contain printable UTF-8 characters; non-printable character found at index ${place}`;
    at.invalid(warning, why);
  }
}

/** Names that are required are required elsewhere. */
export function checkNames(names: Partial<CustomResourceDefinitionNames>, at: Field): void {
  const { plural = '', singular = '', kind = '', listKind = '', shortNames = [], categories = [] } = names;
  if (plural !== '') checkJoined(isDns1035Label, plural, at.child('plural'));
  if (singular !== '') checkJoined(isDns1035Label, singular, at.child('singular'));
  const mixed: NameCheck = (name) => isDns1035Label(name.toLowerCase());
  const before = 'may have mixed case, but should otherwise match: ';
  if (kind !== '') checkJoined(mixed, kind, at.child('kind'), before);
  if (listKind !== '') checkJoined(mixed, listKind, at.child('listKind'), before);
  for (const [index, name] of shortNames.entries()) checkJoined(isDns1035Label, name, at.child('shortNames').index(index));
  if (kind !== '' && kind === listKind) at.child('listKind').invalid(listKind, 'kind and listKind may not be the same');
  for (const [index, name] of categories.entries()) checkJoined(isDns1035Label, name, at.child('categories').index(index));
}

function checkColumn(column: CustomResourceColumnDefinition, at: Field): void {
  const { name, type = '', format = '', jsonPath = '' } = column;
  checkPresent(name, at, 'name');
  const why = `must be one of ${COLUMN_TYPES.join(',')}`;
  if (type === '') at.child('type').required(why);
  else if (!COLUMN_TYPES.includes(type)) at.child('type').invalid(type, why);
  if (format !== '' && !COLUMN_FORMATS.includes(format))
    at.child('format').invalid(format, `must be one of ${COLUMN_FORMATS.join(',')}`);
  if (jsonPath === '') at.child('JSONPath').required();
  else checkSimplePath(jsonPath, at.child('JSONPath'));
}

/** True if it is one. */
function checkSimplePath(path: string, at: Field): boolean {
  if (path.startsWith('.')) return true;
  at.invalid(path, 'must be a simple json path starting with .');
  return false;
}

function checkScale(subresources: CustomResourceSubresources | undefined, at: Field): void {
  const { scale } = subresources ?? {};
  if (scale === undefined) return;
  const check = (name: 'specReplicasPath' | 'statusReplicasPath', parent: string): void => {
    const place = at.child(`scale.${name}`);
    const path = scale[name] ?? '';
    if (path === '') place.required();
    else if (checkSimplePath(path, place) && !path.startsWith(`${parent}.`))
      place.invalid(path, `should be a json path under ${parent}`);
  };
  check('specReplicasPath', '.spec');
  check('statusReplicasPath', '.status');
  const { labelSelectorPath: path = '' } = scale;
  const place = at.child('scale.labelSelectorPath');
  if (path === '' || !checkSimplePath(path, place)) return;
  if (!path.startsWith('.spec.') && !path.startsWith('.status.'))
    place.invalid(path, 'should be a json path under either .spec or .status');
}

function checkSelectableFields({ selectableFields = [], schema }: CustomResourceDefinitionVersion, at: Field): void {
  const root = schema?.openAPIV3Schema;
  if (!root) return;
  const seen = new Set<string>();
  for (const [index, { jsonPath = '' }] of selectableFields.entries()) {
    const place = at.index(index).child('jsonPath');
    const found = jsonPath === '' ? undefined : fieldAt(root, jsonPath, false);
    if (found === undefined) place.required();
    else if (typeof found === 'string') place.invalid(jsonPath, `is an invalid path: ${found}`);
    else {
      const name = found.names.join('.');
      if (found.names[0] === 'metadata') place.invalid(jsonPath, 'must not point to fields in metadata');
      if (!['string', 'boolean', 'integer'].includes(found.schema.type ?? '')) {
        const why =
          'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.';
        place.invalid(jsonPath, why);
      }
      if (seen.has(name)) place.duplicate(jsonPath);
      seen.add(name);
    }
  }
  if (seen.size > MAX_SELECTABLE) at.tooMany(seen.size, MAX_SELECTABLE);
}

function checkStoredVersions(stored: readonly string[], versions: readonly CustomResourceDefinitionVersion[], at: Field): void {
  if (stored.length === 0) return at.invalid(stored, 'must have at least one stored version');
  for (const { name, storage } of versions) {
    if (storage && !stored.includes(name)) at.invalid(stored, `must have the storage version ${name}`);
  }
  for (const [index, name] of stored.entries()) {
    if (versions.some((version) => version.name === name)) continue;
    const why =
      `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage ` +
      `migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`;
    at.index(index).invalid(name, why);
  }
}
