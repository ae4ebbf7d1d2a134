import { BYTES, DURATION, DYN, TIMESTAMP } from '../types/cel-type.ts';
import type { ListSemantics } from '../values/value.ts';
import {
  DECLARED_BOOL,
  DECLARED_DOUBLE,
  DECLARED_INT,
  declaredList,
  declaredMap,
  declaredObject,
  declaredString,
  MAX_REQUEST_BYTES,
  type DeclaredField,
  type DeclaredType,
} from './declared-type.ts';
import { escapeFieldName } from './field-names.ts';

/** What of an OpenAPI schema matters to types: that of a custom resource, or of a built-in kind with its references resolved. */
export interface Schema {
  readonly type?: string;
  readonly format?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-embedded-resource'?: boolean;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
}

/** Sizes of times in JSON, with quotes: `"0s"`, `"2006-01-02"`, `"2006-01-02T15:04:05Z"` and the longest ones. */
const TIMES = {
  duration: { type: DURATION, minSizeBytes: 4, maxElements: 32 },
  date: { type: TIMESTAMP, minSizeBytes: 12, maxElements: 12 },
  'date-time': { type: TIMESTAMP, minSizeBytes: 22, maxElements: 41 },
} as const;

const META: Readonly<Record<string, Schema>> = {
  kind: { type: 'string' },
  apiVersion: { type: 'string' },
  metadata: { type: 'object', properties: { name: { type: 'string' }, generateName: { type: 'string' } } },
};

/**
 * The type that expressions see; `undefined` if they see nothing, as of a list without a schema for its items. `name` is what errors
 * call it. At the root of a resource (`isRoot`), kind, apiVersion and the names in metadata are always there.
 */
export function declareSchema(schema: Schema, name = 'object', isRoot = false): DeclaredType | undefined {
  if (schema['x-kubernetes-int-or-string'] === true) {
    const maxElements = schema.maxLength === undefined ? MAX_REQUEST_BYTES - 2 : fromMaxLength(schema.maxLength);
    return { type: DYN, maxElements, minSizeBytes: 1 };
  }
  switch (schema.type) {
    case 'array':
      return arrayOf(schema, name);
    case 'object':
      return isMap(schema) ? mapOfSchema(schema, name) : objectOf(isRoot ? withMeta(schema) : schema, name);
    case 'string':
      return stringOf(schema);
    case 'boolean':
      return DECLARED_BOOL;
    case 'number':
      return DECLARED_DOUBLE;
    case 'integer':
      return DECLARED_INT;
    default:
      return undefined;
  }
}

function isMap({ additionalProperties }: Schema): boolean {
  return typeof additionalProperties === 'object';
}

function child(schema: Schema, name: string): DeclaredType | undefined {
  return declareSchema(schema, name, schema['x-kubernetes-embedded-resource'] === true);
}

function arrayOf(schema: Schema, name: string): DeclaredType | undefined {
  const element = schema.items && child(schema.items, `${name}.@idx`);
  return element && declaredList(element, nonNegative(schema.maxItems), semanticsOf(schema));
}

function semanticsOf(schema: Schema): ListSemantics | undefined {
  const type = schema['x-kubernetes-list-type'];
  if (type !== 'set' && type !== 'map') return undefined;
  return { type, keys: schema['x-kubernetes-list-map-keys'] ?? [] };
}

function mapOfSchema({ additionalProperties, maxProperties }: Schema, name: string): DeclaredType | undefined {
  const element = typeof additionalProperties === 'object' ? child(additionalProperties, `${name}.@elem`) : undefined;
  return element && declaredMap(element, nonNegative(maxProperties));
}

function objectOf({ properties = {}, required = [] }: Schema, name: string): DeclaredType {
  const fields = new Map<string, DeclaredField>();
  let minSizeBytes = 2;
  for (const [property, schema] of Object.entries(properties)) {
    const declared = child(schema, `${name}.${property}`);
    if (!declared) continue;
    const field = escapeFieldName(property);
    if (field !== undefined) fields.set(field, { property, declared });
    // Quotes, colon and comma. What has a default need not be sent.
    if (required.includes(property) && schema.default === undefined) minSizeBytes += property.length + declared.minSizeBytes + 4;
  }
  return declaredObject(name, fields, minSizeBytes);
}

function withMeta(schema: Schema): Schema {
  const { properties = {} } = schema;
  const named = properties['metadata']?.properties;
  const isThere = properties['kind'] && properties['apiVersion'] && named?.['name'] && named['generateName'];
  return isThere ? schema : { ...schema, properties: { ...properties, ...META } };
}

function stringOf(schema: Schema): DeclaredType {
  const { format, maxLength } = schema;
  if (format === 'byte') {
    return { type: BYTES, maxElements: nonNegative(maxLength) ?? MAX_REQUEST_BYTES - 2, minSizeBytes: 2, format };
  }
  if (format === 'duration' || format === 'date' || format === 'date-time') return { ...TIMES[format], format };
  if (maxLength !== undefined) return declaredString(fromMaxLength(maxLength));
  if (schema.enum === undefined || schema.enum.length === 0) return declaredString();
  return declaredString(Math.max(...schema.enum.map((value) => (typeof value === 'string' ? utf8Length(value) : 0))));
}

/** A limit is in characters, and each may take four bytes. */
function fromMaxLength(maxLength: number): number {
  return Math.max(0, maxLength) * 4;
}

function nonNegative(limit: number | undefined): number | undefined {
  return limit === undefined ? undefined : Math.max(0, limit);
}

function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}
