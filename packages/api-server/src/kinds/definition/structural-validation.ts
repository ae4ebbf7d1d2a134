import { deepEqual } from '@keelson/api';
import { patternOf } from '../../structural/pattern.ts';
import { isEmbedded, isSchema, keepsUnknown, type StructuralSchema } from '../../structural/structural-schema.ts';
import { Field } from '../../validation/field.ts';
import type { FieldError } from '../../validation/field-error.ts';

type Level = 'root' | 'item' | 'field';

const INT_OR_STRING = [{ type: 'integer' }, { type: 'string' }];
const PLACES: Readonly<Record<Level, string>> = {
  root: 'at the root',
  item: 'for specified array items',
  field: 'for specified object fields',
};

/**
 * What keeps a schema from being structural: each value has one type, said outside of `allOf`, `anyOf`, `oneOf` and `not`, and those say
 * nothing of fields that are not specified there too. In order of the texts.
 */
export function validateStructural(schema: StructuralSchema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const at = Field.root(errors, path);
  checkNode(schema, 'root', at);
  checkComplete(schema, schema, { at, from: at });
  return errors.toSorted((a, b) => (`${a.field}: ${a.message}` < `${b.field}: ${b.message}` ? -1 : 1));
}

function checkNode(schema: StructuralSchema, level: Level, at: Field): void {
  const { type = '', items, properties = {}, additionalProperties } = schema;
  if (type === 'array' && items === undefined) at.child('items').required('must be specified');
  if (isSchema(items)) checkNode(items, 'item', at.child('items'));
  for (const [name, field] of Object.entries(properties)) checkNode(field, 'field', at.child('properties').key(name));
  if (additionalProperties !== undefined && level === 'root')
    at.child('additionalProperties').forbidden('must not be used at the root');
  if (isSchema(additionalProperties)) checkNode(additionalProperties, 'field', at.child('additionalProperties'));
  checkExtensions(schema, at);
  checkValues(schema, {
    at,
    level,
    skipsAnyOf: isIntOrString(schema.anyOf),
    skipsFirst: isIntOrString(schema.allOf?.[0]?.anyOf),
  });
  checkType(schema, level, at);
  if (level === 'root' || isEmbedded(schema)) checkHead(schema, level, at);
  if (isEmbedded(schema) && !keepsUnknown(schema) && Object.keys(properties).length === 0) {
    at.child('properties').required(
      'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields',
    );
  }
}

function checkExtensions(schema: StructuralSchema, at: Field): void {
  if (schema['x-kubernetes-int-or-string'] !== true) return;
  for (const [name, value] of [
    ['x-kubernetes-preserve-unknown-fields', keepsUnknown(schema)],
    ['x-kubernetes-embedded-resource', isEmbedded(schema)],
  ] as const) {
    if (value) at.child(name).invalid(true, 'must be false if x-kubernetes-int-or-string is true');
  }
}

function checkType(schema: StructuralSchema, level: Level, at: Field): void {
  const { type = '' } = schema;
  if (isEmbedded(schema) && type !== 'object') {
    const why = 'must be object if x-kubernetes-embedded-resource is true';
    if (type === '') at.child('type').required(why);
    else at.child('type').invalid(type, why);
  } else if (type === '' && schema['x-kubernetes-int-or-string'] !== true && !keepsUnknown(schema)) {
    at.child('type').required(`must not be empty ${PLACES[level]}`);
  }
  if (isEmbedded(schema) && schema.additionalProperties !== undefined)
    at.child('additionalProperties').forbidden('must not be used if x-kubernetes-embedded-resource is set');
  if (level === 'root' && type !== '' && type !== 'object') at.child('type').invalid(type, 'must be object at the root');
}

function checkHead({ properties = {} }: StructuralSchema, level: Level, at: Field): void {
  for (const name of ['kind', 'apiVersion']) {
    const type = properties[name]?.type ?? '';
    if (Object.hasOwn(properties, name) && type !== 'string')
      at.child('properties').key(name).child('type').invalid(type, 'must be string');
  }
  const { metadata } = properties;
  if (!metadata) return;
  const place = at.child('properties').key('metadata');
  if (metadata.type !== 'object') place.child('type').invalid(metadata.type ?? '', 'must be object');
  if (level === 'root' && saysMoreThanNames(metadata))
    place.forbidden('must not specify anything other than name and generateName, but metadata is implicitly specified');
}

/** Descriptions count too: upstream compares with an empty schema. */
function saysMoreThanNames({ type: _type, default: _default, properties = {}, ...others }: StructuralSchema): boolean {
  const known = Object.keys(properties).every((name) => name === 'name' || name === 'generateName');
  return !known || Object.keys(others).length > 0;
}

function isIntOrString(anyOf: readonly StructuralSchema[] | undefined): boolean {
  return deepEqual(anyOf, INT_OR_STRING);
}

interface ValueCheck {
  readonly at: Field;
  readonly level: Level;
  readonly skipsAnyOf: boolean;
  readonly skipsFirst: boolean;
}

function checkValues(schema: StructuralSchema, { at, level, skipsAnyOf, skipsFirst }: ValueCheck): void {
  const { anyOf = [], allOf = [], oneOf = [], not, pattern = '' } = schema;
  const plain = { level, skipsAnyOf: false, skipsFirst: false };
  if (!skipsAnyOf)
    for (const [index, each] of anyOf.entries()) checkNested(each, { ...plain, at: at.child('anyOf').index(index) });
  for (const [index, each] of allOf.entries())
    checkNested(each, { ...plain, skipsAnyOf: skipsFirst && index === 0, at: at.child('allOf').index(index) });
  for (const [index, each] of oneOf.entries()) checkNested(each, { ...plain, at: at.child('oneOf').index(index) });
  if (not) checkNested(not, { ...plain, at: at.child('not') });
  const compiled = pattern === '' ? undefined : patternOf(pattern);
  if (compiled instanceof Error)
    at.child('pattern').invalid(pattern, `must be a valid regular expression, but isn't: ${compiled.message}`);
}

/** What may not be said where only values are judged: fields, and why. */
const FORBIDDEN: readonly (readonly [keyof StructuralSchema, string])[] = [
  ['type', 'must be empty to be structural'],
  ['additionalProperties', 'must be undefined to be structural'],
  ['default', 'must be undefined to be structural'],
  ['title', 'must be empty to be structural'],
  ['description', 'must be empty to be structural'],
  ['nullable', 'must be false to be structural'],
  ['x-kubernetes-preserve-unknown-fields', 'must be false to be structural'],
  ['x-kubernetes-embedded-resource', 'must be false to be structural'],
  ['x-kubernetes-int-or-string', 'must be false to be structural'],
  ['x-kubernetes-list-map-keys', 'must be empty to be structural'],
  ['x-kubernetes-list-type', 'must be undefined to be structural'],
  ['x-kubernetes-map-type', 'must be undefined to be structural'],
  ['x-kubernetes-validations', 'must be empty to be structural'],
];

function checkNested(schema: StructuralSchema, check: ValueCheck): void {
  const { at, level } = check;
  const plain = { skipsAnyOf: false, skipsFirst: false };
  checkValues(schema, check);
  if (isSchema(schema.items)) checkNested(schema.items, { ...plain, level, at: at.child('items') });
  for (const [name, field] of Object.entries(schema.properties ?? {}))
    checkNested(field, { ...plain, level: 'field', at: at.child('properties').key(name) });
  for (const [name, why] of FORBIDDEN) {
    if (schema[name] !== undefined) at.child(name).forbidden(why);
  }
  if (schema.properties && Object.hasOwn(schema.properties, 'metadata'))
    at.child('properties').key('metadata').forbidden('must not be specified in a nested context');
}

interface Pair {
  /** Where the structure is, and where the values are judged. */
  readonly at: Field;
  readonly from: Field;
}

/** Whatever is judged has to be specified. */
function checkComplete(values: StructuralSchema, structure: StructuralSchema | undefined, { at, from }: Pair): void {
  for (const part of ['allOf', 'anyOf', 'oneOf'] as const) {
    for (const [index, each] of (values[part] ?? []).entries())
      checkPair(each, structure, { at, from: from.child(part).index(index) });
  }
  if (values.not) checkPair(values.not, structure, { at, from: from.child('not') });
}

function checkPair(values: StructuralSchema, structure: StructuralSchema | undefined, { at, from }: Pair): void {
  if (!structure) return at.required(`because it is defined in ${from.toString()}`);
  checkComplete(values, structure, { at, from });
  if (isSchema(values.items)) {
    const items = isSchema(structure.items) ? structure.items : undefined;
    checkPair(values.items, items, { at: at.child('items'), from: from.child('items') });
  }
  for (const [name, field] of Object.entries(values.properties ?? {})) {
    const place = { at: at.child('properties').key(name), from: from.child('properties').key(name) };
    checkPair(field, structure.properties?.[name], place);
  }
}
