import type { CustomResourceDefinition, CustomResourceDefinitionVersion, JSONSchemaProps } from '@keelson/api/apiextensions/v1';

export interface GenerateOptions {
  /** Only this version; all that are served if absent. */
  readonly version?: string;
}

/**
 * The types of a CustomResourceDefinition as the text of a TypeScript module for each version, by version: an interface for the objects
 * and, under the same name, the kind for `client.resource(...)`. What a schema does not say is `unknown`.
 */
export function generateTypes(
  { spec }: CustomResourceDefinition,
  { version }: GenerateOptions = {},
): ReadonlyMap<string, string> {
  const wanted = spec.versions.filter((each) => (version === undefined ? each.served !== false : each.name === version));
  return new Map(wanted.map((each) => [each.name, moduleOf(spec, each)]));
}

function moduleOf(spec: CustomResourceDefinition['spec'], version: CustomResourceDefinitionVersion): string {
  const { group, names, scope } = spec;
  const schema = (version.schema?.openAPIV3Schema ?? {}) as JSONSchemaProps;
  const { apiVersion: _apiVersion, kind: _kind, metadata: _metadata, ...properties } = schema.properties ?? {};
  const body = members({ properties, required: schema.required ?? [] }, '  ');
  const fields = { group, version: version.name, kind: names.kind, resource: names.plural, namespaced: scope === 'Namespaced' };
  return `// Generated from the CustomResourceDefinition ${names.plural}.${group}; do not edit.
import type { Kind, KubernetesObject } from '@keelson/api';

${comment(schema.description, '')}export interface ${names.kind} extends KubernetesObject {
${body}}

export const ${names.kind}: Kind<${names.kind}> = ${JSON.stringify(fields, null, 2)
    .replaceAll(/"(\w+)":/g, '$1:')
    .replaceAll('"', "'")};
`;
}

function members(schema: Pick<JSONSchemaProps, 'properties' | 'required'>, indent: string): string {
  const required = new Set(schema.required);
  return Object.entries(schema.properties ?? {})
    .map(([name, child]) => {
      const isOptional = !required.has(name);
      const type = typeOf(child, indent);
      return `${comment(child.description, indent)}${indent}${propertyName(name)}${isOptional ? '?' : ''}: ${type}${isOptional ? ' | undefined' : ''};\n`;
    })
    .join('');
}

function typeOf(schema: JSONSchemaProps, indent: string): string {
  const type = plainTypeOf(schema, indent);
  return schema.nullable === true ? `${type} | null` : type;
}

function plainTypeOf(schema: JSONSchemaProps, indent: string): string {
  if (schema['x-kubernetes-int-or-string'] === true) return 'number | string';
  if (schema.enum) return schema.enum.map((value) => literal(value)).join(' | ');
  switch (schema.type) {
    case 'string':
      return 'string';
    case 'integer':
    case 'number':
      return 'number';
    case 'boolean':
      return 'boolean';
    case 'array':
      return listOf(typeOf((schema.items ?? {}) as JSONSchemaProps, indent));
    case 'object':
      return objectType(schema, indent);
    default:
      return 'unknown';
  }
}

function objectType(schema: JSONSchemaProps, indent: string): string {
  if (schema['x-kubernetes-embedded-resource'] === true) return 'KubernetesObject & Record<string, unknown>';
  if (schema.properties && Object.keys(schema.properties).length > 0) {
    const body = `{\n${members(schema, `${indent}  `)}${indent}}`;
    return schema['x-kubernetes-preserve-unknown-fields'] === true ? `${body} & Record<string, unknown>` : body;
  }
  const values = schema.additionalProperties;
  if (typeof values === 'object' && values !== null) return `Record<string, ${typeOf(values as JSONSchemaProps, indent)}>`;
  return 'Record<string, unknown>';
}

function listOf(type: string): string {
  return /[ |&{]/.test(type) && !type.startsWith('Record<') && !/^\{[^]*\}$/.test(type) ? `(${type})[]` : `${type}[]`;
}

function literal(value: unknown): string {
  return typeof value === 'string'
    ? `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n')}'`
    : JSON.stringify(value);
}

function propertyName(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : literal(name);
}

function comment(description: string | undefined, indent: string): string {
  if (!description) return '';
  const lines = description.replaceAll('*/', '*\\/').trim().split('\n');
  if (lines.length === 1) return `${indent}/** ${lines[0]} */\n`;
  return `${indent}/**\n${lines.map((line) => `${indent} * ${line}`.trimEnd()).join('\n')}\n${indent} */\n`;
}
