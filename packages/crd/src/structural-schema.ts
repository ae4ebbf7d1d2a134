import type { JSONSchemaProps } from '@keelson/api/apiextensions/v1';
import { KeelsonError } from '@keelson/base';
import { z } from 'zod';

type Json = Record<string, unknown>;

/** What a structural schema keeps of a JSON schema as it is. */
const KEPT = [
  'type',
  'description',
  'title',
  'format',
  'pattern',
  'enum',
  'default',
  'example',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'uniqueItems',
  'minProperties',
  'maxProperties',
  'minimum',
  'maximum',
  'multipleOf',
] as const;

/** Formats of JSON schema that the API server checks too. */
const FORMATS = new Set([
  'date-time',
  'date',
  'email',
  'uri',
  'hostname',
  'ipv4',
  'ipv6',
  'uuid',
  'byte',
  'int32',
  'int64',
  'float',
  'double',
  'duration',
]);

/**
 * The structural schema (OpenAPI v3, as CustomResourceDefinitions have it) of a zod schema. `BadRequest` for what a structural schema cannot
 * say, such as a union of objects, with the path to it.
 */
export function structuralSchema(schema: z.ZodType): JSONSchemaProps {
  // Inline: structural schemas have no references. The input side: defaults are what the server adds.
  const json = z.toJSONSchema(schema, {
    target: 'draft-2020-12',
    io: 'input',
    reused: 'inline',
    cycles: 'throw',
    unrepresentable: 'throw',
  });
  return convert(json as Json, '');
}

function convert(json: Json, path: string): JSONSchemaProps {
  const { schema, nullable } = withoutNull(json, path);
  const result: Json = {};
  for (const key of KEPT) if (schema[key] !== undefined) result[key] = schema[key];
  for (const [key, value] of Object.entries(schema)) if (key.startsWith('x-kubernetes-')) result[key] = value;
  if (nullable) result['nullable'] = true;
  if (schema['const'] !== undefined) result['enum'] = [schema['const']];
  if (schema['type'] === undefined && schema['const'] !== undefined) result['type'] = typeof schema['const'];
  checkFormat(result);
  numbers(schema, result);
  children(schema, result, path);
  checkSayable(schema, result, path);
  return result as JSONSchemaProps;
}

/** `nullable` is a word of its own in structural schemas; zod writes it as an alternative. */
function withoutNull(json: Json, path: string): { readonly schema: Json; readonly nullable: boolean } {
  if (Array.isArray(json['type'])) return withoutNullType(json, path);
  const options = json['anyOf'];
  if (!Array.isArray(options) || json['x-kubernetes-int-or-string'] === true) return { schema: json, nullable: false };
  const others = options.filter((option: Json) => option['type'] !== 'null');
  const [only] = others as Json[];
  if (others.length !== 1 || !only) throw unsayable(path, 'it is a choice between several schemas');
  const { anyOf: _choices, ...outer } = json;
  return { schema: { ...only, ...outer }, nullable: options.length > others.length };
}

/** Of scalars, zod writes the alternatives as a list of types. */
function withoutNullType(json: Json, path: string): { readonly schema: Json; readonly nullable: boolean } {
  const types = json['type'] as readonly string[];
  const others = types.filter((type) => type !== 'null');
  if (json['x-kubernetes-int-or-string'] === true) return { schema: json, nullable: false };
  if (others.length !== 1) throw unsayable(path, `it is a choice between ${others.join(' and ')}`);
  return { schema: { ...json, type: others[0] }, nullable: types.length > others.length };
}

function checkFormat(result: Json): void {
  // Patterns that zod adds to formats are written for its own regular expressions.
  if (typeof result['format'] === 'string') delete result['pattern'];
  if (typeof result['format'] === 'string' && !FORMATS.has(result['format'])) delete result['format'];
}

/** Bounds that all integers of JavaScript have say nothing, and exclusive ones are flags here. */
function numbers(schema: Json, result: Json): void {
  if (schema['minimum'] === Number.MIN_SAFE_INTEGER) delete result['minimum'];
  if (schema['maximum'] === Number.MAX_SAFE_INTEGER) delete result['maximum'];
  for (const [exclusive, inclusive] of [
    ['exclusiveMinimum', 'minimum'],
    ['exclusiveMaximum', 'maximum'],
  ] as const) {
    if (typeof schema[exclusive] !== 'number') continue;
    result[inclusive] = schema[exclusive];
    result[exclusive] = true;
  }
}

function children(schema: Json, result: Json, path: string): void {
  const { properties, items, additionalProperties, required } = schema;
  if (properties && Object.keys(properties).length > 0) {
    result['properties'] = Object.fromEntries(
      Object.entries(properties as Json).map(([name, child]) => [name, convert(child as Json, `${path}.${name}`)]),
    );
  }
  if (Array.isArray(required) && required.length > 0) result['required'] = required;
  if (items) result['items'] = convert(items as Json, `${path}[]`);
  if (typeof additionalProperties !== 'object' || additionalProperties === null) return;
  // What may be anything besides named properties is kept as it is.
  if (result['properties'] || Object.keys(additionalProperties).length === 0)
    result['x-kubernetes-preserve-unknown-fields'] = true;
  else result['additionalProperties'] = convert(additionalProperties as Json, `${path}{}`);
}

function checkSayable(schema: Json, result: Json, path: string): void {
  for (const word of ['oneOf', 'allOf', 'not', 'prefixItems', 'patternProperties'] as const) {
    if (schema[word] !== undefined) throw unsayable(path, `it needs "${word}"`);
  }
  if (result['x-kubernetes-int-or-string'] === true) delete result['type'];
  else if (result['type'] === undefined && Array.isArray(result['enum'])) result['type'] = typeof result['enum'][0];
  else if (result['type'] === undefined) result['x-kubernetes-preserve-unknown-fields'] = true;
}

function unsayable(path: string, why: string): KeelsonError {
  return new KeelsonError('BadRequest', `Cannot write "${path === '' ? '.' : path}" as a structural schema: ${why}`);
}
