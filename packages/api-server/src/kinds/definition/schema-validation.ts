import { isEmbedded, isSchema, META_FIELDS, type StructuralSchema } from '../../structural/structural-schema.ts';
import type { Field } from '../../validation/field.ts';
import { checkLists, checkMaps } from './list-validation.ts';
import { checkRules } from './rule-validation.ts';

const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string'];

/** What a schema may not say at a place, because of what is around it. */
interface Around {
  readonly isRoot?: boolean;
  /** Within the apiVersion, kind or metadata of an object. */
  readonly insideMeta: boolean;
  /** Why there may be no defaults. */
  readonly forbidsDefaults: string | undefined;
}

const FREE: Around = { insideMeta: false, forbidsDefaults: undefined };

/** Everything that Kubernetes does not take in schemas, beyond their being structural. */
export function checkSchema(schema: StructuralSchema, at: Field, around: Around = { ...FREE, isRoot: true }): void {
  checkDialect(schema, at, around);
  if (schema.uniqueItems === true)
    at.child('uniqueItems').forbidden('uniqueItems cannot be set to true since the runtime complexity becomes quadratic');
  checkFields(schema, at, around);
  const inner = { ...around, isRoot: false };
  if (schema.not) checkSchema(schema.not, at.child('not'), inner);
  for (const part of ['allOf', 'oneOf', 'anyOf'] as const) {
    for (const [index, each] of (schema[part] ?? []).entries()) checkSchema(each, at.child(part).index(index), inner);
  }
  if (isSchema(schema.items)) checkSchema(schema.items, at.child('items'), inner);
  if (schema['x-kubernetes-preserve-unknown-fields'] === false)
    at.child('x-kubernetes-preserve-unknown-fields').invalid(false, 'must be true or undefined');
  checkMaps(schema, at);
  checkLists(schema, at);
  checkRules(schema, at);
}

const UNSUPPORTED = ['id', 'additionalItems', 'patternProperties', 'definitions', 'dependencies', '$ref'] as const;

function checkDialect(schema: StructuralSchema, at: Field, { insideMeta, forbidsDefaults }: Around): void {
  const { type = '', items } = schema;
  if (type !== '' && !TYPES.includes(type)) at.child('type').notSupported(type, TYPES);
  if (schema.default !== undefined && forbidsDefaults !== undefined)
    at.child('default').forbidden(`must not be set ${forbidsDefaults}`);
  for (const name of UNSUPPORTED) {
    if (schema[name] !== undefined) at.child(name).forbidden(`${name} is not supported`);
  }
  if (type === 'null') at.child('type').forbidden('type cannot be set to null, use nullable as an alternative');
  if (Array.isArray(items)) at.child('items').forbidden('items must be a schema object and not an array');
  if (insideMeta && isEmbedded(schema))
    at.child('x-kubernetes-embedded-resource').forbidden('must not be used inside of resource meta');
}

function checkFields(schema: StructuralSchema, at: Field, around: Around): void {
  const { additionalProperties, properties = {} } = schema;
  const inner = { ...around, isRoot: false };
  if (additionalProperties !== undefined && additionalProperties !== true && Object.keys(properties).length > 0)
    at.child('additionalProperties').forbidden('additionalProperties and properties are mutual exclusive');
  if (isSchema(additionalProperties)) {
    const reason = 'inside additionalProperties applying to object metadata';
    checkSchema(
      additionalProperties,
      at.child('additionalProperties'),
      around.insideMeta ? { ...inner, forbidsDefaults: reason } : inner,
    );
  }
  for (const [name, field] of Object.entries(properties)) {
    const isMeta = (around.isRoot === true || isEmbedded(schema)) && META_FIELDS.has(name);
    const reason = isMeta && around.isRoot === true ? `in top-level ${name}` : inner.forbidsDefaults;
    checkSchema(field, at.child('properties').key(name), {
      insideMeta: inner.insideMeta || isMeta,
      forbidsDefaults: reason,
      isRoot: false,
    });
  }
}

/** With a status subresource, only these may be said of the whole: then nothing is lost when the status is judged alone. */
const AT_ROOT: ReadonlyMap<string, string> = new Map([
  ['description', 'Description'],
  ['type', 'Type'],
  ['format', 'Format'],
  ['title', 'Title'],
  ['maximum', 'Maximum'],
  ['exclusiveMaximum', 'ExclusiveMaximum'],
  ['minimum', 'Minimum'],
  ['exclusiveMinimum', 'ExclusiveMinimum'],
  ['maxLength', 'MaxLength'],
  ['minLength', 'MinLength'],
  ['pattern', 'Pattern'],
  ['maxItems', 'MaxItems'],
  ['minItems', 'MinItems'],
  ['uniqueItems', 'UniqueItems'],
  ['multipleOf', 'MultipleOf'],
  ['required', 'Required'],
  ['items', 'Items'],
  ['properties', 'Properties'],
  ['externalDocs', 'ExternalDocs'],
  ['example', 'Example'],
  ['x-kubernetes-preserve-unknown-fields', 'XPreserveUnknownFields'],
  ['x-kubernetes-validations', 'XValidations'],
]);

/** `at` is the place of the schema. */
export function checkRootWithStatus(schema: StructuralSchema, at: Field): void {
  if (schema.type !== 'object') {
    const why = 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled';
    at.child('type').invalid(schema.type ?? '', why);
  }
  if (Object.keys(schema).every((name) => AT_ROOT.has(name))) return;
  const names = [...AT_ROOT.values()].join(' ');
  at.invalid(schema, `only [${names}] fields are allowed at the root of the schema if the status subresource is enabled`);
}
