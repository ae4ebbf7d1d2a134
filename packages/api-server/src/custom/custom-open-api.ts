import { describeField } from '../openapi/descriptions.ts';
import type { Schema, SchemaReferences } from '../openapi/schemas.ts';
import { isEmbedded, isSchema, keepsUnknown, type StructuralSchema } from '../structural/structural-schema.ts';

/** What a document says of a custom kind. */
export interface PublishedKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** Names of fields that objects can be selected by, beside those of metadata. */
  readonly selectable: readonly string[];
}

/** A custom kind's schema as OpenAPI documents have it. */
export function openApiOf(root: StructuralSchema, published: PublishedKind, references: SchemaReferences): Schema {
  const { group, version, kind, selectable } = published;
  const fields = selectable.map((fieldPath) => ({ fieldPath }));
  return {
    ...schemaOf(root, references),
    'x-kubernetes-group-version-kind': [{ group, kind, version }],
    ...(fields.length > 0 && { 'x-kubernetes-selectable-fields': fields }),
  };
}

function schemaOf(root: StructuralSchema, references: SchemaReferences): Schema {
  // Clients of version 2 refuse fields that are not listed: where any are taken, none is listed.
  if (references.dialect === 'v2' && keepsUnknown(root)) return { type: 'object' };
  return withHead(node(root, references), references);
}

/** An object has its head, also if its schema does not say so. What it says of the head itself is not repeated. */
function withHead(schema: Schema, references: SchemaReferences): Schema {
  const text = (name: string) => ({ description: describeField('', name), type: 'string' });
  const reference = references.reference('meta.v1.ObjectMeta');
  const description = describeField('', 'metadata');
  const metadata = references.dialect === 'v2' ? { description, ...reference } : { description, allOf: [reference] };
  const properties = {
    ...(schema.properties as Schema | undefined),
    apiVersion: text('apiVersion'),
    kind: text('kind'),
    metadata,
  };
  return { ...schema, properties };
}

function node(schema: StructuralSchema, references: SchemaReferences): Schema {
  const plain = references.dialect === 'v2' ? forVersion2(schema) : forVersion3(schema);
  const { items, additionalProperties, properties } = plain;
  const result: Record<string, unknown> = { ...plain };
  if (isSchema(items)) result.items = node(items, references);
  if (isSchema(additionalProperties)) result.additionalProperties = node(additionalProperties, references);
  if (properties) {
    const fields = Object.entries(properties).map(([name, field]) => [name, node(field, references)]);
    result.properties = Object.fromEntries(fields);
  }
  if (!isEmbedded(schema) || (references.dialect === 'v2' && keepsUnknown(schema))) return result;
  const required = [...new Set([...(plain.required ?? []), 'kind', 'apiVersion'])];
  return { ...withHead(result, references), required };
}

const EITHER = [{ type: 'integer' }, { type: 'string' }];

function forVersion3(schema: StructuralSchema): StructuralSchema {
  const isTold = schema.anyOf !== undefined || schema.allOf?.[0]?.anyOf !== undefined;
  return schema['x-kubernetes-int-or-string'] === true && !isTold ? { ...schema, anyOf: EITHER } : schema;
}

/** Version 2 knows no alternatives, and its clients take what they are told of fields as all that there is. */
function forVersion2(schema: StructuralSchema): StructuralSchema {
  const { anyOf: _any, allOf: _all, oneOf: _one, not: _not, nullable, required, ...rest } = schema;
  const { type, items, properties, ...free } = rest;
  const isFree = nullable === true || keepsUnknown(schema);
  const isTyped = nullable !== true && !(type === 'array' && (isFree || items === undefined)) && !(isFree && type === 'object');
  const needed = required?.filter((name) => properties?.[name]?.nullable !== true) ?? [];
  return {
    ...free,
    ...(type !== undefined && isTyped && { type }),
    ...(!isFree && items !== undefined && { items }),
    ...(!isFree && properties && { properties }),
    ...(needed.length > 0 && { required: needed }),
  };
}
