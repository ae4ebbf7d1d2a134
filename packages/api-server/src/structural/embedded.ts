import { isDns1035Label } from '@keelson/api';
import type { ObjectMeta } from '@keelson/api/meta/v1';
import { isReason } from '@keelson/base';
import { SchemaDecoder } from '../decode/schema-decoder.ts';
import { NO_ERRORS } from '../validation/errors.ts';
import type { FieldError } from '../validation/field-error.ts';
import { Field } from '../validation/field.ts';
import { validateObjectMeta } from '../validation/metadata.ts';
import { anywhere } from './schema-walk.ts';
import { fieldOf, isEmbedded, isRecord, itemsOf, type StructuralSchema } from './structural-schema.ts';

/** What is wrong with the heads and metadata of the objects that an object has in it. */
export function validateEmbedded(schema: StructuralSchema, value: unknown): readonly FieldError[] {
  if (!hasEmbedded(schema)) return NO_ERRORS;
  const errors: FieldError[] = [];
  check(schema, value, { at: Field.root(errors), errors });
  return errors;
}

const hasEmbedded = anywhere(isEmbedded);

interface Context {
  readonly at: Field;
  readonly errors: FieldError[];
}

function check(schema: StructuralSchema, value: unknown, context: Context): void {
  const { at, errors } = context;
  if (Array.isArray(value)) {
    const items = itemsOf(schema);
    if (items) for (const [index, item] of value.entries()) check(items, item, { at: at.index(index), errors });
  } else if (isRecord(value)) {
    if (isEmbedded(schema)) checkHead(value, context);
    for (const [name, field] of Object.entries(value)) {
      const known = fieldOf(schema, name);
      const isOwn = schema.properties !== undefined && Object.hasOwn(schema.properties, name);
      if (known) check(known, field, { at: isOwn ? at.child(name) : at.key(name), errors });
    }
  }
}

function checkHead(value: Readonly<Record<string, unknown>>, { at, errors }: Context): void {
  const { apiVersion, kind, metadata } = value;
  if (apiVersion === undefined) at.child('apiVersion').required();
  else checkApiVersion(apiVersion, at.child('apiVersion'));
  if (kind === undefined) at.child('kind').required();
  else checkKind(kind, at.child('kind'));
  if (metadata !== undefined) checkMetadata(metadata, at.child('metadata'), errors);
}

function checkApiVersion(value: unknown, at: Field): void {
  if (typeof value !== 'string') at.invalid(value, 'must be a string');
  else if (value === '') at.invalid(value, 'must not be empty');
  else if (value.split('/').length > 2) at.invalid(value, `unexpected GroupVersion string: ${value}`);
}

function checkKind(value: unknown, at: Field): void {
  if (typeof value !== 'string') return at.invalid(value, 'must be a string');
  if (value === '') return at.invalid(value, 'must not be empty');
  const faults = isDns1035Label(value.toLowerCase());
  if (faults.length > 0) at.invalid(value, `may have mixed case, but should otherwise match: ${faults.join(',')}`);
}

/** An embedded object need have no name yet. */
function checkMetadata(value: unknown, at: Field, errors: FieldError[]): void {
  try {
    // Decoded by the definition of that type.
    const meta = new SchemaDecoder().decode('meta.v1.ObjectMeta', value) as ObjectMeta;
    const named = { ...meta, name: meta.name || 'fakename' };
    const rules = { namespaced: (meta.namespace ?? '') !== '', nameRule: 'path-segment' } as const;
    const place = at.toString();
    for (const error of validateObjectMeta(named, rules))
      errors.push({ ...error, field: place + error.field.slice('metadata'.length) });
  } catch (error) {
    if (!isReason(error, 'BadRequest')) throw error;
    at.invalid(value, error.message);
  }
}
