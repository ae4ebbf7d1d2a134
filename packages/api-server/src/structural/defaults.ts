import { cloneJson } from '@keelson/api';
import { fieldOf, isRecord, itemsOf, setField, type StructuralSchema } from './structural-schema.ts';

/**
 * Hot path: gives a value, in place, the defaults of its schema. A null where none may be becomes the default, or goes if there is none.
 * Idempotent.
 */
export function setSchemaDefaults(value: unknown, schema: StructuralSchema): void {
  if (Array.isArray(value)) defaultList(value, itemsOf(schema));
  else if (isRecord(value)) defaultRecord(value, schema);
}

function defaultRecord(value: Record<string, unknown>, schema: StructuralSchema): void {
  for (const [key, field] of Object.entries(schema.properties ?? {})) {
    if (field.default !== undefined && !Object.hasOwn(value, key)) setField(value, key, cloneJson(field.default));
  }
  for (const key of Object.keys(value)) {
    const field = fieldOf(schema, key);
    if (!field) continue;
    const item = value[key];
    if (item !== null || field.nullable === true) setSchemaDefaults(item, field);
    else if (field.default === undefined) delete value[key];
    else {
      const filled = cloneJson(field.default);
      setSchemaDefaults(filled, field);
      setField(value, key, filled);
    }
  }
}

function defaultList(value: unknown[], items: StructuralSchema | undefined): void {
  if (!items) return;
  for (const [index, item] of value.entries()) {
    if (item === null && items.nullable !== true && items.default !== undefined) value[index] = cloneJson(items.default);
    setSchemaDefaults(value[index], items);
  }
}
