import { definitionOf, openApiName, type DefinitionFact, type FieldFact, type ItemsFact } from '@keelson/api';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import { describeDefinition, describeField } from './descriptions.ts';
import { listNameOf } from './list-name.ts';

/** A JSON schema, as OpenAPI has it. */
export type Schema = Readonly<Record<string, unknown>>;

/** The two dialects differ in where definitions are, in how a reference may be described, in defaults and in unions of types. */
export type Dialect = 'v2' | 'v3';

/** Types that have more than one form, which only version 3 can say. */
const ONE_OF: Readonly<Record<string, Schema>> = {
  'pkg.api.resource.Quantity': { oneOf: [{ type: 'string' }, { type: 'number' }] },
  'pkg.util.intstr.IntOrString': { oneOf: [{ type: 'integer' }, { type: 'string' }], format: 'int-or-string' },
};

/** What a schema that is not in the tables needs to refer to those that are. */
export interface SchemaReferences {
  readonly dialect: Dialect;
  /** A reference to the definition, which is then part of the document. */
  reference(definition: string): Schema;
}

/** Makes schemas of definitions, and remembers which others they refer to. */
export class SchemaBuilder implements SchemaReferences {
  readonly dialect: Dialect;
  readonly #custom: ReadonlyMap<string, (references: SchemaReferences) => Schema>;
  readonly #wanted = new Set<string>();

  /** Kinds among `definitions` that are not in the tables bring their schemas along. */
  constructor(dialect: Dialect, definitions: readonly ResourceDefinition[] = []) {
    this.dialect = dialect;
    this.#custom = customSchemas(definitions);
  }

  /** A reference to the definition, which will then be among `all()`. */
  reference(definition: string): Schema {
    this.#wanted.add(definition);
    const place = this.dialect === 'v2' ? '#/definitions/' : '#/components/schemas/';
    return { $ref: place + this.#nameOf(definition) };
  }

  /** Everything that was referred to, and all that follows from it, in order of the names. */
  all(): Record<string, Schema> {
    const schemas = new Map<string, Schema>();
    // A Set takes in what is added while it is gone through.
    for (const name of this.#wanted) schemas.set(this.#nameOf(name), this.#schema(name));
    return Object.fromEntries([...schemas].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  #nameOf(definition: string): string {
    return this.#custom.has(definition) ? definition : openApiName(definition);
  }

  #schema(name: string): Schema {
    const custom = this.#custom.get(name);
    if (custom) return custom(this);
    const fact = definitionOf(name);
    if (!fact) return { type: 'object' };
    const description = describeDefinition(name);
    return {
      ...(description !== undefined && { description }),
      ...(fact.fields ? this.#object(name, fact.fields) : this.#leaf(name, fact)),
      ...extensionsOf(fact),
    };
  }

  #leaf(name: string, { type, format }: DefinitionFact): Schema {
    const oneOf = this.dialect === 'v3' ? ONE_OF[name] : undefined;
    if (oneOf) return oneOf;
    return { ...(type !== undefined && type !== 'any' && { type }), ...(format !== undefined && { format }) };
  }

  #object(name: string, fields: Readonly<Record<string, FieldFact>>): Schema {
    const entries = Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1));
    const required = entries.filter(([, field]) => field.required).map(([field]) => field);
    return {
      type: 'object',
      ...(required.length > 0 && { required }),
      properties: Object.fromEntries(entries.map(([field, fact]) => [field, this.#field(fact, describeField(name, field))])),
    };
  }

  #field(field: FieldFact, description: string | undefined): Schema {
    return {
      ...(description !== undefined && { description }),
      ...this.#type(field),
      ...(field.enum && { enum: field.enum }),
      ...fieldExtensions(field),
    };
  }

  #type(field: FieldFact): Schema {
    switch (field.type) {
      case 'ref':
        return this.#referring(field.ref ?? '', !field.ptr);
      case 'array':
        return { type: 'array', ...(field.items !== undefined && { items: this.#items(field.items) }) };
      case 'map':
        return { type: 'object', ...(field.items !== undefined && { additionalProperties: this.#items(field.items) }) };
      case 'any':
        return {};
      case 'string':
      case 'integer':
      case 'number':
      case 'boolean':
      case 'object':
        return { type: field.type, ...(field.format !== undefined && { format: field.format }), ...this.#defaultOf(field) };
    }
  }

  /** Version 3 knows nothing beside a reference, so there it is wrapped. */
  #referring(definition: string, isValue: boolean): Schema {
    const reference = this.reference(definition);
    if (this.dialect === 'v2') return reference;
    const isStruct = definitionOf(definition)?.fields !== undefined;
    return { allOf: [reference], ...(isValue && isStruct && { default: {} }) };
  }

  #items(items: ItemsFact): Schema {
    if (typeof items !== 'string') return { type: 'array', items: this.#items(items.array) };
    if (items.startsWith('#')) return this.#referring(items.slice(1), true);
    const [type = '', format] = items.split(':');
    return {
      type,
      ...(format !== undefined && { format }),
      ...(this.dialect === 'v3' && format !== 'byte' && { default: zeroOf(type) }),
    };
  }

  #defaultOf({ type, format, default: value, always, ptr }: FieldFact): Schema {
    if (this.dialect === 'v2') return {};
    if (value !== undefined) return { default: value };
    return always && !ptr && type !== 'object' && format !== 'byte' ? { default: zeroOf(type) } : {};
  }
}

/** The schemas of custom kinds and of their lists, by the names of their definitions. */
function customSchemas(definitions: readonly ResourceDefinition[]): Map<string, (references: SchemaReferences) => Schema> {
  const schemas = new Map<string, (references: SchemaReferences) => Schema>();
  for (const definition of definitions) {
    const { name, openApi } = definition.schema;
    if (!openApi) continue;
    schemas.set(name, openApi);
    schemas.set(listNameOf(definition), (references) => customList(definition, references));
  }
  return schemas;
}

function customList({ group, version, kind, listKind, schema }: ResourceDefinition, references: SchemaReferences): Schema {
  const field = (name: string) => ({ description: describeField(schema.name, name), type: 'string' });
  return {
    description: `${listKind} is a list of ${kind}`,
    type: 'object',
    required: ['items'],
    properties: {
      apiVersion: field('apiVersion'),
      items: { description: describeField(schema.name, 'items'), type: 'array', items: references.reference(schema.name) },
      kind: field('kind'),
      metadata: references.reference('meta.v1.ListMeta'),
    },
    'x-kubernetes-group-version-kind': [{ group, kind: listKind, version }],
  };
}

function zeroOf(type: string): unknown {
  return type === 'string' ? '' : type === 'boolean' ? false : 0;
}

function fieldExtensions({ listType, listMapKeys, mapType, patchStrategy, patchMergeKey }: FieldFact): Schema {
  return {
    ...(listMapKeys && { 'x-kubernetes-list-map-keys': listMapKeys }),
    ...(listType && { 'x-kubernetes-list-type': listType }),
    ...(mapType && { 'x-kubernetes-map-type': mapType }),
    ...(patchMergeKey !== undefined && { 'x-kubernetes-patch-merge-key': patchMergeKey }),
    ...(patchStrategy !== undefined && { 'x-kubernetes-patch-strategy': patchStrategy }),
  };
}

function extensionsOf(fact: DefinitionFact & { readonly unions?: unknown }): Schema {
  return {
    ...(fact.gvk && { 'x-kubernetes-group-version-kind': fact.gvk.map(groupVersionKind) }),
    ...(fact.mapType !== undefined && { 'x-kubernetes-map-type': fact.mapType }),
    ...(fact.unions !== undefined && { 'x-kubernetes-unions': fact.unions }),
  };
}

function groupVersionKind(text: string): { group: string; kind: string; version: string } {
  const [group = '', version = '', kind = ''] = text.split('/');
  return { group, kind, version };
}
