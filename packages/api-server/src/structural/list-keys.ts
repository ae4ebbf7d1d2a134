import { stringifyJson } from '@keelson/api';
import { NO_ERRORS } from '../validation/errors.ts';
import type { FieldError } from '../validation/field-error.ts';
import { Field } from '../validation/field.ts';
import { anywhere } from './schema-walk.ts';
import { isRecord, isSchema, itemsOf, propertyOf, type StructuralSchema } from './structural-schema.ts';

/** What is wrong with lists whose items must differ: as a whole in sets, in their keys in maps. */
export function validateListKeys(schema: StructuralSchema, object: unknown): readonly FieldError[] {
  return hasKeys(schema) ? Field.collect((at) => checkValue(schema, object, at)) : NO_ERRORS;
}

const hasKeys = anywhere((schema) => schema['x-kubernetes-list-type'] !== undefined);

function checkValue(schema: StructuralSchema, value: unknown, at: Field): void {
  if (Array.isArray(value)) return checkList(schema, value, at);
  if (!isRecord(value)) return;
  const { additionalProperties } = schema;
  for (const [name, field] of Object.entries(value)) {
    const own = propertyOf(schema, name);
    if (own) checkValue(own, field, at.child(name));
    if (isSchema(additionalProperties)) checkValue(additionalProperties, field, at.key(name));
  }
}

function checkList(schema: StructuralSchema, list: readonly unknown[], at: Field): void {
  const type = schema['x-kubernetes-list-type'];
  if (type === 'set') for (const index of repeated(list)) at.index(index).duplicate(list[index]);
  if (type === 'map') checkMap(schema, list, at);
  const items = itemsOf(schema);
  if (items) for (const [index, item] of list.entries()) checkValue(items, item, at.index(index));
}

function checkMap(schema: StructuralSchema, list: readonly unknown[], at: Field): void {
  for (const [index, item] of list.entries()) {
    if (item === null || isRecord(item)) continue;
    return at.index(index).invalid(item, 'must be an object for an array of list-type map');
  }
  const names = schema['x-kubernetes-list-map-keys'] ?? [];
  const keys = list.map((item) => keysOf(item, names));
  for (const index of repeated(keys)) at.index(index).duplicate(keys[index]);
}

function keysOf(item: unknown, names: readonly string[]): Record<string, unknown> {
  const keys: Record<string, unknown> = {};
  if (isRecord(item)) for (const name of names) if (Object.hasOwn(item, name)) keys[name] = item[name];
  return keys;
}

/** Where the second of equal values is. */
function repeated(values: readonly unknown[]): number[] {
  if (values.length < 2) return [];
  const seen = new Map<string, number>();
  const found: number[] = [];
  for (const [index, value] of values.entries()) {
    const text = stringifyJson(sorted(value));
    const times = (seen.get(text) ?? 0) + 1;
    seen.set(text, times);
    if (times === 2) found.push(index);
  }
  return found;
}

/** The order of fields does not count. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isRecord(value)) return value;
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, field]) => [name, sorted(field)]);
}
