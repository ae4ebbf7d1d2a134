import { SchemaMismatch } from './merge-error.ts';
import type { ValueSchema } from './value-schema.ts';

/** Hot path: true for what has no fields or items of its own owners: scalars, what is atomic, what is empty, null. Throws `SchemaMismatch`. */
export function isLeaf(schema: ValueSchema, value: unknown): boolean {
  if (value === null || schema.type === 'scalar') return true;
  const isList = Array.isArray(value);
  if (schema.type === 'list') {
    if (!isList) throw mismatch('list', value);
    return schema.listType === 'atomic' || value.length === 0;
  }
  // An untyped list is owned as a whole.
  if (schema.type === 'untyped' && (typeof value !== 'object' || isList)) return true;
  if (typeof value !== 'object' || isList) throw mismatch('map', value);
  return (schema.type === 'map' && schema.atomic === true) || isEmptyObject(value);
}

export function isEmptyObject(value: object): boolean {
  for (const _key in value) return false;
  return true;
}

function mismatch(expected: string, value: unknown): SchemaMismatch {
  return new SchemaMismatch([{ path: '', message: `expected ${expected}, got ${JSON.stringify(value) ?? 'nothing'}` }]);
}
