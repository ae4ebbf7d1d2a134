import { isObject, type JsonObject } from '../patch/json-value.ts';
import { isEmptyObject, isLeaf } from './leaf.ts';
import { itemElement } from './path-element.ts';
import { fieldSchema, schemaFor, type ListSchema, type MapSchema, type ValueSchema } from './value-schema.ts';

/*
 * Hot path: sets of what is new, as the texts of their nodes, in the order of the values. Putting texts together costs half of making objects,
 * and most of these sets are in use already, so that their texts are all that is needed of them. About 15 us for a pod.
 */

const LEAF = '{}';
const SELF = '".":{}';

/** How many elements are kept as texts; fields have a few hundred names, the rest are labels, annotations and names of items. */
const MAX_KEPT = 10_000;
const keyTexts = new Map<string, string>();
const itemTexts = new Map<string, string>();

/** `"f:name":` */
function keyText(key: string): string {
  return keyTexts.get(key) ?? remember(keyTexts, key, `f:${key}`);
}

/** `"k:{\"name\":\"a\"}":` */
function itemText(element: string): string {
  return itemTexts.get(element) ?? remember(itemTexts, element, element);
}

function remember(texts: Map<string, string>, key: string, element: string): string {
  if (texts.size >= MAX_KEPT) texts.clear();
  const text = `${JSON.stringify(element)}:`;
  texts.set(key, text);
  return text;
}

/** A field of a struct. */
interface FieldText {
  readonly schema: ValueSchema;
  /** `"f:name":` */
  readonly head: string;
  /** `"f:name":{}` if that is all there can be. */
  readonly whole: string | undefined;
}

const fieldTexts = new WeakMap<MapSchema, ReadonlyMap<string, FieldText>>();

function fieldTextsOf(schema: MapSchema): ReadonlyMap<string, FieldText> {
  let texts = fieldTexts.get(schema);
  if (texts === undefined) {
    texts = new Map(Array.from(schema.fields, ([key, field]) => [key, fieldTextOf(key, field)] as const));
    fieldTexts.set(schema, texts);
  }
  return texts;
}

function fieldTextOf(key: string, schema: ValueSchema): FieldText {
  const head = `${JSON.stringify(`f:${key}`)}:`;
  return { schema, head, whole: schema.type === 'scalar' ? `${head}${LEAF}` : undefined };
}

/** The node of a value that is new as a whole: each value in it and the value itself. */
export function wholeText(schema: ValueSchema, value: unknown): string {
  if (schema.type === 'scalar' || isLeaf(schema, value)) return LEAF;
  const known = schemaFor(schema, value);
  if (known.type === 'list') return wholeItems(known, value as readonly unknown[]);
  return known.type === 'map' ? wholeFields(known, value as JsonObject) : LEAF;
}

function wholeFields(schema: MapSchema, value: JsonObject): string {
  const fields = fieldTextsOf(schema);
  let text = `{${SELF}`;
  for (const key in value) {
    const item = value[key];
    if (item === undefined) continue;
    const field = fields.get(key);
    if (field === undefined) text += `,${keyText(key)}${wholeText(fieldSchema(schema, key), item)}`;
    else text += `,${field.whole ?? field.head + wholeText(field.schema, item)}`;
  }
  return `${text}}`;
}

function wholeItems(schema: ListSchema, items: readonly unknown[]): string {
  if (items.length === 1) return `{${SELF},${itemText(itemElement(schema, items[0]))}${wholeText(schema.items, items[0])}}`;
  const found = new Map<string, string>();
  for (const item of items) {
    const element = itemElement(schema, item);
    // What is there twice is owned as one thing.
    found.set(element, found.has(element) ? LEAF : wholeText(schema.items, item));
  }
  let text = `{${SELF}`;
  for (const [element, node] of found) text += `,${itemText(element)}${node}`;
  return `${text}}`;
}

/** What comes in addition to an empty object of its type. `{}` if that is nothing. */
export function createdText(schema: ValueSchema, value: unknown): string {
  if (schema.type !== 'map' || !isObject(value)) return LEAF;
  let text = '';
  for (const key in value) {
    if (value[key] === undefined) continue;
    const node = addedText(schema, key, value[key]);
    if (node !== undefined) text += `${text === '' ? '' : ','}${keyText(key)}${node}`;
  }
  return `{${text}}`;
}

/** The node of a field that was not written before; undefined if Go's object had the same all the time. */
export function addedText(owner: MapSchema, key: string, value: unknown): string | undefined {
  const schema = fieldSchema(owner, key);
  const before = owner.always?.get(key);
  if (before === undefined) return wholeText(schema, value);
  if (isLeaf(schema, value)) return isZero(value) ? undefined : LEAF;
  const node = before === 'zero' ? createdText(schema, value) : withoutSelf(wholeText(schema, value));
  return node === LEAF ? undefined : node;
}

/** `{".":{},"f:a":{}}` without the first. */
function withoutSelf(text: string): string {
  if (!text.startsWith(`{${SELF}`)) return text;
  const rest = text.slice(SELF.length + 1);
  return rest === '}' ? LEAF : `{${rest.slice(1)}`;
}

function isZero(value: unknown): boolean {
  return value === null || value === '' || value === 0 || value === false || (isObject(value) && isEmptyObject(value));
}
