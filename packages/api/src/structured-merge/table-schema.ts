import { type FieldFact, type ItemsFact } from '../facts.ts';
import { definitionOf } from '../scheme.ts';
import { SCALAR, UNTYPED, type ListSchema, type MapSchema, type ScalarSchema, type ValueSchema } from './value-schema.ts';

const STRING: ScalarSchema = { type: 'scalar', scalar: 'string' };
const NUMERIC: ScalarSchema = { type: 'scalar', scalar: 'numeric' };
const BOOLEAN: ScalarSchema = { type: 'scalar', scalar: 'boolean' };

/** Types that are scalars although the tables call them references. */
const SCALARS: ReadonlyMap<string, ScalarSchema> = new Map([
  ['meta.v1.Time', SCALAR],
  ['meta.v1.MicroTime', SCALAR],
  ['pkg.api.resource.Quantity', SCALAR],
  ['pkg.util.intstr.IntOrString', SCALAR],
]);

const made = new Map<string, ValueSchema>();

/** The schema of a definition of the tables, such as `core.v1.Pod`; made on first use and kept. Unknown definitions are untyped. */
export function tableSchema(definition: string): ValueSchema {
  return reference(definition, undefined);
}

/** A field may say for itself how a map is owned; else its type does. */
function reference(name: string, mapType: FieldFact['mapType']): ValueSchema {
  const scalar = SCALARS.get(name);
  if (scalar) return scalar;
  const definition = definitionOf(name);
  if (definition?.type === 'string') return STRING;
  if (!definition?.fields) return UNTYPED;
  const atomic = (mapType ?? definition.mapType ?? definition.structType) === 'atomic';
  const id = `${name} ${atomic}`;
  const known = made.get(id);
  if (known) return known;
  const fields = new Map<string, ValueSchema>();
  const defaults = new Map<string, unknown>();
  const always = new Map<string, 'zero' | 'null'>();
  const schema: MapSchema = { type: 'map', atomic, fields, defaults, always };
  // Before its fields, which may hold it.
  made.set(id, schema);
  for (const [field, fact] of Object.entries(definition.fields)) {
    fields.set(field, fieldOf(fact));
    if (fact.default !== undefined) defaults.set(field, fact.default);
    if (fact.always === 1) always.set(field, fact.type === 'ref' && fact.ptr !== 1 ? 'zero' : 'null');
  }
  return schema;
}

function fieldOf(fact: FieldFact): ValueSchema {
  switch (fact.type) {
    case 'string':
      return STRING;
    case 'integer':
    case 'number':
      return NUMERIC;
    case 'boolean':
      return BOOLEAN;
    case 'array':
      return listOf(fact);
    case 'map':
    case 'object':
      return fact.items === undefined ? UNTYPED : mapOf(itemsOf(fact.items), fact.mapType === 'atomic');
    case 'ref':
      return reference(fact.ref ?? '', fact.mapType);
    case 'any':
      return UNTYPED;
  }
}

function listOf({ items, listType = 'atomic', listMapKeys }: FieldFact): ListSchema {
  const keys = listType === 'map' ? { keys: (listMapKeys ?? []).toSorted() } : {};
  return { type: 'list', listType, items: itemsOf(items), ...keys };
}

function mapOf(values: ValueSchema, atomic: boolean): MapSchema {
  return { type: 'map', atomic, fields: new Map(), values };
}

function itemsOf(items: ItemsFact | undefined): ValueSchema {
  if (items === undefined) return UNTYPED;
  if (typeof items !== 'string') return { type: 'list', listType: 'atomic', items: itemsOf(items.array) };
  if (items.startsWith('#')) return reference(items.slice(1), undefined);
  const [type] = items.split(':');
  if (type === 'string') return STRING;
  if (type === 'integer' || type === 'number') return NUMERIC;
  return type === 'boolean' ? BOOLEAN : UNTYPED;
}
