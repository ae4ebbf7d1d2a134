import { deepEqual } from '@keelson/api';
import { isReason } from '@keelson/base';
import { validateEmbedded } from '../../structural/embedded.ts';
import { Pruner } from '../../structural/prune.ts';
import { isEmbedded, isSchema, type StructuralSchema } from '../../structural/structural-schema.ts';
import { validateSchema } from '../../structural/validate.ts';
import type { FieldError } from '../../validation/field-error.ts';
import { invalidValue } from '../../validation/errors.ts';

/** What is wrong with the defaults in a schema: they have to be what the schema itself lets in. */
export function validateDefaults(schema: StructuralSchema, path: string): readonly FieldError[] {
  const errors = schema.default === undefined ? [] : defaultErrors(schema, `${path}.default`);
  const { items, properties = {} } = schema;
  return [
    ...errors,
    ...(isSchema(items) ? validateDefaults(items, `${path}.items`) : []),
    ...Object.entries(properties).flatMap(([name, field]) => validateDefaults(field, `${path}.properties[${name}]`)),
  ];
}

function defaultErrors(schema: StructuralSchema, prefix: string): readonly FieldError[] {
  const value: unknown = schema.default;
  const pruned = prunedDefault(schema, value);
  if (typeof pruned === 'string') return [invalidValue(prefix, value, pruned)];
  if (!deepEqual(pruned.value, value)) return [invalidValue(prefix, value, 'must not have unknown fields')];
  const embedded = isEmbedded(schema) ? validateEmbedded(schema, value) : [];
  if (embedded.length > 0) return embedded.map((error) => ({ ...error, field: `${prefix}.${error.field}` }));
  return validateSchema(schema, value, { prefix });
}

/** The default as it would be kept, or why it cannot be. */
function prunedDefault(schema: StructuralSchema, value: unknown): { readonly value: unknown } | string {
  try {
    return { value: new Pruner().value(schema, value) };
  } catch (error) {
    if (isReason(error, 'BadRequest')) return error.message;
    throw error;
  }
}
