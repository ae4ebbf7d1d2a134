import { isObject } from '../patch/json-value.ts';
import { SchemaMismatch, type Fault } from './merge-error.ts';
import { elementText, itemElement } from './path-element.ts';
import { schemaFor, type ListSchema, type MapSchema, type ScalarSchema, type ValueSchema } from './value-schema.ts';

/**
 * Throws `SchemaMismatch` unless an applied configuration fits its schema: types, no fields that the schema does not have, no item of a set
 * or a map list twice, keys of items.
 */
export function checkConfiguration(schema: ValueSchema, value: unknown): void {
  const faults: Fault[] = [];
  check(schema, value, { path: '', faults });
  if (faults.length > 0) throw new SchemaMismatch(faults);
}

interface Place {
  readonly path: string;
  readonly faults: Fault[];
}

function check(schema: ValueSchema, value: unknown, at: Place): void {
  // Null fits everything.
  if (value === null || value === undefined) return;
  const known = schemaFor(schema, value);
  switch (known.type) {
    case 'scalar':
      return checkScalar(known, value, at);
    case 'list':
      if (!Array.isArray(value)) return fault(at, `expected list, got ${textOf(value)}`);
      return checkItems(known, value, at);
    case 'map':
      if (!isObject(value)) return fault(at, `expected map, got ${textOf(value)}`);
      return checkFields(known, value, at);
  }
}

function fault({ path, faults }: Place, message: string): void {
  faults.push({ path, message });
}

function checkScalar({ scalar }: ScalarSchema, value: unknown, at: Place): void {
  const type = typeof value === 'bigint' ? 'number' : typeof value;
  if (scalar === 'numeric' && type !== 'number') fault(at, `expected numeric (int or float), got ${goType(value)}`);
  else if (scalar === 'string' && type !== 'string')
    fault(at, `expected string, got &value.valueUnstructured{Value:${JSON.stringify(value)}}`);
  else if (scalar === 'boolean' && type !== 'boolean') fault(at, `expected boolean, got ${textOf(value)}`);
  else if (type === 'object') fault(at, `expected any scalar, got ${textOf(value)}`);
}

function checkItems(schema: ListSchema, items: readonly unknown[], at: Place): void {
  const seen = new Set<string>();
  for (const [index, item] of items.entries()) {
    const element = elementOf(schema, item, { index, at });
    if (element === undefined) return;
    if (seen.has(element)) fault(at, `duplicate entries for key ${elementText(element)}`);
    seen.add(element);
    check(schema.items, item, { path: at.path + elementText(element), faults: at.faults });
  }
}

/** Undefined, and told, if it can't be said which item this is: then nothing can be said of those behind it either. */
function elementOf(schema: ListSchema, item: unknown, { index, at }: { index: number; at: Place }): string | undefined {
  if (schema.listType === 'atomic') return `i:${index}`;
  try {
    return itemElement(schema, item);
  } catch (error) {
    if (!(error instanceof SchemaMismatch)) throw error;
    fault(at, `element ${index}: ${error.message}`);
    return undefined;
  }
}

function checkFields(schema: MapSchema, value: Readonly<Record<string, unknown>>, at: Place): void {
  for (const key in value) {
    const path = `${at.path}.${key}`;
    const child = schema.fields.get(key) ?? schema.values;
    if (child) check(child, value[key], { path, faults: at.faults });
    else fault({ path, faults: at.faults }, 'field not declared in schema');
  }
}

/** As Go names the types of decoded JSON. */
function goType(value: unknown): string {
  if (Array.isArray(value)) return '[]interface {}';
  if (typeof value === 'object') return 'map[string]interface {}';
  if (typeof value === 'boolean') return 'bool';
  return typeof value === 'string' ? 'string' : Number.isInteger(value) ? 'int64' : 'float64';
}

/** As Go prints such a value. */
function textOf(value: unknown): string {
  return `&{${typeof value === 'string' ? value : JSON.stringify(value)}}`;
}
