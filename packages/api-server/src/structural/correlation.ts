import { deepEqual } from '@keelson/api';
import { fieldOf, isRecord, itemsOf, type StructuralSchema } from './structural-schema.ts';

/** What a value was before a change. A value that has no counterpart has no `Before` either: then nothing is known to be unchanged. */
export interface Before {
  readonly value: unknown;
}

/** What a field was before. */
export function beforeOfField(schema: StructuralSchema, before: Before | undefined, name: string): Before | undefined {
  if (!before || !isRecord(before.value) || !Object.hasOwn(before.value, name)) return undefined;
  if (schema['x-kubernetes-map-type'] === 'atomic' || !fieldOf(schema, name)) return undefined;
  return { value: before.value[name] };
}

/** What an item of a list was before: in lists that are maps, the one with the same keys; in all others it cannot be told. */
export function beforeOfItem(schema: StructuralSchema, before: Before | undefined, item: unknown): Before | undefined {
  if (!before || schema['x-kubernetes-list-type'] !== 'map' || !Array.isArray(before.value)) return undefined;
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const wanted = keysOf(schema, item, keys);
  if (!wanted) return undefined;
  // Checked to be a list.
  const items: readonly unknown[] = before.value;
  const value = items.find((each) => deepEqual(keysOf(schema, each, keys), wanted));
  return value === undefined ? undefined : { value };
}

function keysOf(schema: StructuralSchema, item: unknown, keys: readonly string[]): unknown[] | undefined {
  if (!isRecord(item)) return undefined;
  const { properties = {} } = itemsOf(schema) ?? {};
  return keys.map((key) => item[key] ?? properties[key]?.default ?? null);
}
