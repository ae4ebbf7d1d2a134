import { isObject, setOwn, type JsonObject } from '../patch/json-value.ts';
import { EMPTY, isEmptySet, type FieldSet, type FieldSetDraft } from './field-set.ts';
import { itemElement } from './path-element.ts';
import { fieldSchema, schemaFor, type ListSchema, type MapSchema, type ValueSchema } from './value-schema.ts';

/**
 * An object without the fields and items in a set, and what is in them. What is owned as a whole is not cut into. A list or an object of
 * which nothing is left becomes null. Shares what is left with the object.
 */
export function removeFields(schema: ValueSchema, value: unknown, set: FieldSet): unknown {
  if (isEmptySet(set)) return value;
  const known = schemaFor(schema, value);
  if (known.type === 'list' && Array.isArray(value)) return known.listType === 'atomic' ? null : keptItems(known, value, set);
  if (known.type === 'map' && isObject(value)) return known.atomic === true ? null : keptFields(known, value, set);
  return value;
}

function isMember(node: FieldSet): boolean {
  return node['.'] !== undefined || isEmptySet(node);
}

function keptItems(schema: ListSchema, items: readonly unknown[], set: FieldSet): unknown {
  if (items.length === 0) return null;
  const kept: unknown[] = [];
  for (const item of items) {
    const node = set[itemElement(schema, item)];
    if (node === undefined) kept.push(item);
    else if (!isMember(node)) kept.push(removeFields(schema.items, item, node));
  }
  return kept.length === 0 ? null : kept;
}

function keptFields(schema: MapSchema, value: JsonObject, set: FieldSet): unknown {
  const kept: JsonObject = {};
  let isEmpty = true;
  for (const key in value) {
    const node = set[`f:${key}`];
    if (node !== undefined && isMember(node)) continue;
    setOwn(kept, key, node === undefined ? value[key] : removeFields(fieldSchema(schema, key), value[key], node));
    isEmpty = false;
  }
  return isEmpty ? null : kept;
}

/**
 * A set that has, in addition, each field of a struct of which it has anything: who owns `.spec.replicas` has a say in whether there is a
 * `.spec`. Keys of maps and items of lists are not added.
 */
export function withStructFields(schema: ValueSchema, set: FieldSet): FieldSet {
  const result: FieldSetDraft = {};
  for (const element in set) {
    const node = set[element] ?? EMPTY;
    if (element === '.' || isEmptySet(node)) {
      result[element] = node;
      continue;
    }
    const below = withStructFields(schemaOfElement(schema, element), node);
    const isField = schema.type === 'map' && element.startsWith('f:') && schema.fields.has(element.slice(2));
    result[element] = isField && below['.'] === undefined ? { '.': EMPTY, ...below } : below;
  }
  return result;
}

function schemaOfElement(schema: ValueSchema, element: string): ValueSchema {
  if (schema.type === 'list') return schema.items;
  return schema.type === 'map' ? fieldSchema(schema, element.slice(2)) : schema;
}
