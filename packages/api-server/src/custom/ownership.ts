import {
  SCALAR,
  tableSchema,
  UNTYPED,
  type ListSchema,
  type MapSchema,
  type ScalarSchema,
  type ValueSchema,
} from '@keelson/api/structured-merge';
import { isEmbedded, isSchema, keepsUnknown, type StructuralSchema } from '../structural/structural-schema.ts';

const STRING: ScalarSchema = { type: 'scalar', scalar: 'string' };
const NUMERIC: ScalarSchema = { type: 'scalar', scalar: 'numeric' };
const BOOLEAN: ScalarSchema = { type: 'scalar', scalar: 'boolean' };

/** How the fields of a custom object are divided among their managers. */
export function ownershipOf(schema: StructuralSchema): ValueSchema {
  return mapOf(schema, true);
}

function valueOf(schema: StructuralSchema): ValueSchema {
  if (schema['x-kubernetes-int-or-string'] === true) return SCALAR;
  switch (schema.type) {
    case 'string':
      return STRING;
    case 'integer':
    case 'number':
      return NUMERIC;
    case 'boolean':
      return BOOLEAN;
    case 'array':
      return listOf(schema);
    case 'object':
      return mapOf(schema, isEmbedded(schema));
    default:
      return schema.properties ? mapOf(schema, isEmbedded(schema)) : UNTYPED;
  }
}

function mapOf(schema: StructuralSchema, isObject: boolean): MapSchema {
  const fields = new Map<string, ValueSchema>();
  const defaults = new Map<string, unknown>();
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    fields.set(name, valueOf(field));
    if (field.default !== undefined) defaults.set(name, field.default);
  }
  if (isObject) {
    fields.set('apiVersion', STRING).set('kind', STRING).set('metadata', tableSchema('meta.v1.ObjectMeta'));
  }
  const values = valuesOf(schema, fields.size > 0);
  const atomic = schema['x-kubernetes-map-type'] === 'atomic';
  return { type: 'map', atomic, fields, defaults, ...(values && { values }) };
}

/** What other keys hold; an object of which nothing is said is free. */
function valuesOf(schema: StructuralSchema, hasFields: boolean): ValueSchema | undefined {
  const { additionalProperties } = schema;
  if (isSchema(additionalProperties)) return valueOf(additionalProperties);
  return additionalProperties === true || keepsUnknown(schema) || !hasFields ? UNTYPED : undefined;
}

function listOf(schema: StructuralSchema): ListSchema {
  const items = isSchema(schema.items) ? valueOf(schema.items) : UNTYPED;
  const listType = listTypeOf(schema['x-kubernetes-list-type']);
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  return { type: 'list', listType, items, ...(listType === 'map' && { keys: keys.toSorted() }) };
}

function listTypeOf(type: string | undefined): ListSchema['listType'] {
  return type === 'set' || type === 'map' ? type : 'atomic';
}
