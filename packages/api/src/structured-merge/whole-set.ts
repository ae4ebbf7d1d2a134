import { isObject, type JsonObject } from '../patch/json-value.ts';
import { EMPTY, type FieldSet, type FieldSetDraft } from './field-set.ts';
import { SchemaMismatch } from './merge-error.ts';
import { itemElement } from './path-element.ts';
import { fieldSchema, schemaFor, type ListSchema, type MapSchema, type ValueSchema } from './value-schema.ts';

/** True for what has no fields or items of its own owners: scalars, what is atomic, what is empty, null. Throws `SchemaMismatch`. */
export function isLeaf(schema: ValueSchema, value: unknown): boolean {
  const known = schemaFor(schema, value);
  if (known.type === 'scalar' || value === null) return true;
  if (known.type === 'list') {
    if (!Array.isArray(value)) throw mismatch('list', value);
    return known.listType === 'atomic' || value.length === 0;
  }
  if (!isObject(value)) throw mismatch('map', value);
  return known.atomic === true || isEmptyObject(value);
}

function isEmptyObject(value: object): boolean {
  for (const _key in value) return false;
  return true;
}

function mismatch(expected: string, value: unknown): SchemaMismatch {
  return new SchemaMismatch([{ path: '', message: `expected ${expected}, got ${JSON.stringify(value) ?? 'nothing'}` }]);
}

/** Hot path: the node of a value that is new as a whole: each value in it and the value itself. */
export function wholeNode(schema: ValueSchema, value: unknown): FieldSet {
  if (isLeaf(schema, value)) return EMPTY;
  const known = schemaFor(schema, value);
  if (known.type === 'list') return wholeItems(known, value as readonly unknown[]);
  if (known.type === 'map') return wholeFields(known, value as JsonObject);
  return EMPTY;
}

function wholeFields(schema: MapSchema, value: JsonObject): FieldSet {
  const node: FieldSetDraft = { '.': EMPTY };
  for (const key in value) {
    if (value[key] !== undefined) node[`f:${key}`] = wholeNode(fieldSchema(schema, key), value[key]);
  }
  return node;
}

function wholeItems(schema: ListSchema, items: readonly unknown[]): FieldSet {
  const node: FieldSetDraft = { '.': EMPTY };
  for (const item of items) {
    const element = itemElement(schema, item);
    // What is there twice is owned as one thing.
    node[element] = node[element] === undefined ? wholeNode(schema.items, item) : EMPTY;
  }
  return node;
}

/**
 * The set of an object that was not there before: what comes in addition to an empty object of its type. A field that an empty object has
 * too (`MapSchema.always`) is not added itself, only what is in it: `f:metadata` and `f:spec` have no `.`, `f:labels` has one.
 */
export function createdSet(schema: ValueSchema, value: unknown): FieldSet {
  if (schema.type !== 'map' || !isObject(value)) return EMPTY;
  const node: FieldSetDraft = {};
  for (const key in value) {
    if (value[key] === undefined) continue;
    const below = addedNode(schema, key, value[key]);
    if (below !== undefined) node[`f:${key}`] = below;
  }
  return node;
}

/** The node of a field that was not written before; undefined if Go's object had the same all the time. */
export function addedNode(owner: MapSchema, key: string, value: unknown): FieldSet | undefined {
  const schema = fieldSchema(owner, key);
  const before = owner.always?.get(key);
  if (before === undefined) return wholeNode(schema, value);
  if (isLeaf(schema, value)) return isZero(value) ? undefined : EMPTY;
  const node: FieldSet = before === 'zero' ? createdSet(schema, value) : wholeNode(schema, value);
  const { '.': _self, ...below } = node;
  return Object.keys(below).length === 0 ? undefined : below;
}

function isZero(value: unknown): boolean {
  return value === null || value === '' || value === 0 || value === false || (isObject(value) && isEmptyObject(value));
}

/**
 * The set of what an applied configuration says: each leaf, each item of a list, and each key of a map; of structs only what is in them.
 * Of items that are there twice, only that they are there.
 */
export function configurationSet(schema: ValueSchema, value: unknown): FieldSet {
  const known = schemaFor(schema, value);
  if (known.type === 'scalar' || isLeaf(known, value)) return EMPTY;
  return known.type === 'list' ? itemSets(known, value as readonly unknown[]) : fieldSets(known, value as JsonObject);
}

function fieldSets(schema: MapSchema, value: JsonObject): FieldSet {
  const node: FieldSetDraft = {};
  for (const key in value) {
    const item = value[key];
    if (item === undefined) continue;
    const child = fieldSchema(schema, key);
    const isStructField = schema.fields.has(key);
    const below = configurationSet(child, item);
    if (isOwned(child, item, isStructField)) node[`f:${key}`] = withSelf(below);
    else if (!isEmptyObject(below)) node[`f:${key}`] = below;
  }
  return node;
}

/** An empty list that is no leaf by its type says nothing about its field. */
function isOwned(schema: ValueSchema, value: unknown, isStructField: boolean): boolean {
  if (!isStructField || value === null) return true;
  const known = schemaFor(schema, value);
  if (known.type === 'list') return known.listType === 'atomic';
  return isLeaf(known, value);
}

function itemSets(schema: ListSchema, items: readonly unknown[]): FieldSet {
  const node: FieldSetDraft = {};
  for (const item of items) {
    const element = itemElement(schema, item);
    node[element] = node[element] === undefined ? withSelf(configurationSet(schema.items, item)) : EMPTY;
  }
  return node;
}

function withSelf(node: FieldSet): FieldSet {
  return isEmptyObject(node) || node['.'] !== undefined ? node : { '.': EMPTY, ...node };
}
