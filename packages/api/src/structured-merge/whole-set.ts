import type { JsonObject } from '../patch/json-value.ts';
import { EMPTY, type FieldSet, type FieldSetDraft } from './field-set.ts';
import { setOfText } from './field-set-pool.ts';
import { isEmptyObject, isLeaf } from './leaf.ts';
import { itemElement } from './path-element.ts';
import { fieldSchema, schemaFor, type ListSchema, type MapSchema, type ValueSchema } from './value-schema.ts';
import { addedText, createdText, wholeText } from './whole-text.ts';

/** The node of a value that is new as a whole: each value in it and the value itself. */
export function wholeNode(schema: ValueSchema, value: unknown): FieldSet {
  return nodeOf(wholeText(schema, value));
}

/** The node of a field that was not written before; undefined if Go's object had the same all the time. */
export function addedNode(owner: MapSchema, key: string, value: unknown): FieldSet | undefined {
  const text = addedText(owner, key, value);
  return text === undefined ? undefined : nodeOf(text);
}

function nodeOf(text: string): FieldSet {
  // Written by this engine.
  return text === '{}' ? EMPTY : (JSON.parse(text) as FieldSet);
}

/**
 * Hot path: the set of an object that was not there before: what comes in addition to an empty object of its type. A field that an empty
 * object has too (`MapSchema.always`) is not added itself, only what is in it: `f:metadata` and `f:spec` have no `.`, `f:labels` has one.
 */
export function createdSet(schema: ValueSchema, value: unknown): FieldSet {
  return setOfText(createdText(schema, value));
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
