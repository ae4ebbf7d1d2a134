import { KeelsonError } from '@keelson/base';
import { parseJson, stringifyJson } from '../json.ts';
import { isObject, type JsonObject } from '../patch/json-value.ts';
import { SchemaMismatch } from './merge-error.ts';
import type { ListSchema, ValueSchema } from './value-schema.ts';

/**
 * One step of a path, written as a key of `FieldsV1`: `f:name` for a field or a key of a map, `k:{"name":"a"}` for an item of a list by its
 * keys, `v:"a"` for an item of a set, `i:0` for one by its place.
 */
export type PathElement = string;

/** Hot path: the element of an item. Throws `SchemaMismatch` for what can be no item of such a list. */
export function itemElement(schema: ListSchema, item: unknown): PathElement {
  if (schema.listType === 'set') return setElement(item);
  if (!isObject(item)) {
    throw mismatch(`associative list with keys may not have ${item === null ? 'a null element' : 'non-map elements'}`);
  }
  const { keys = [], items } = schema;
  let text = '';
  for (const key of keys) {
    const own = Object.hasOwn(item, key) ? item[key] : undefined;
    const value = own === undefined ? defaultOf(items, key) : own;
    if (value !== undefined) text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${scalarText(value)}`;
  }
  if (text !== '') return `k:{${text}}`;
  const names = keys.map((key) => JSON.stringify(key)).join(' ');
  throw mismatch(
    `associative list with keys has an element that omits all key fields [${names}] (and doesn't have default values for any key fields)`,
  );
}

function defaultOf(items: ValueSchema, key: string): unknown {
  return items.type === 'map' ? items.defaults?.get(key) : undefined;
}

function setElement(item: unknown): PathElement {
  if (typeof item !== 'object') return `v:${scalarText(item)}`;
  if (item === null) throw mismatch("associative list without keys has an element that's an explicit null");
  if (Array.isArray(item)) throw mismatch('not supported: associative list with lists as elements');
  throw mismatch("associative list without keys has an element that's a map type");
}

function scalarText(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : stringifyJson(value);
}

function mismatch(message: string): SchemaMismatch {
  return new SchemaMismatch([{ path: '', message }]);
}

/** A step as a person reads it: `.name`, `[name="a"]`, `[="a"]`, `[0]`. */
export function elementText(element: PathElement): string {
  const rest = element.slice(2);
  switch (element[0]) {
    case 'f':
      return `.${rest}`;
    case 'k': {
      const keys = parseJson(rest);
      const fields = isObject(keys) ? Object.entries(keys).map(([key, value]) => `${key}=${scalarText(value)}`) : [];
      return `[${fields.join(',')}]`;
    }
    case 'v':
      return `[=${rest}]`;
    default:
      return `[${rest}]`;
  }
}

/** A path as a person reads it: `.spec.containers[name="a"].image`. */
export function pathText(path: readonly PathElement[]): string {
  return path.map(elementText).join('');
}

const INDEX = /^[+-]?\d+$/;

/**
 * An element that a client wrote, as this server would write it. `undefined` if it is of a kind that this version of `FieldsV1` does not
 * have: such are left out. Throws `BadRequest` if it makes no sense.
 */
export function canonicalElement(text: string): PathElement | undefined {
  if (text.length < 2) throw malformed('key must be 2 characters long:');
  if (text[1] !== ':') throw malformed(`missing colon: ${text}`);
  const rest = text.slice(2);
  switch (text[0]) {
    case 'f':
      return text;
    case 'v':
      return `v:${scalarText(parsed(rest))}`;
    case 'k':
      return `k:${keysText(parsed(rest))}`;
    case 'i':
      if (!INDEX.test(rest)) throw malformed(`strconv.Atoi: parsing ${JSON.stringify(rest)}: invalid syntax`);
      return `i:${Number(rest)}`;
    default:
      return undefined;
  }
}

function keysText(keys: unknown): string {
  if (!isObject(keys)) throw malformed('the keys of a list item are an object');
  const names = Object.keys(keys).toSorted();
  return `{${names.map((name) => `${JSON.stringify(name)}:${scalarText((keys satisfies JsonObject)[name])}`).join(',')}}`;
}

function parsed(text: string): unknown {
  try {
    return parseJson(text);
  } catch (cause) {
    throw malformed(`parsing ${JSON.stringify(text)}`, cause);
  }
}

function malformed(why: string, cause?: unknown): KeelsonError {
  return new KeelsonError('BadRequest', `error decoding managed fields: ${why}`, { cause });
}
