import type { ResourceDefinition } from '../registry/resource-definition.ts';
import { CODE_TEXTS, OBJECT_TYPES, WATCH_TYPES } from './media-types.ts';
import { pathsOf, type Operation, type PathItem } from './operations.ts';
import type { Parameter } from './parameters.ts';
import { SchemaBuilder, type Schema } from './schemas.ts';

export interface DocumentInfo {
  readonly title: string;
  readonly version: string;
}

const SECURITY = { BearerToken: { type: 'apiKey', name: 'authorization', in: 'header', description: 'Bearer token' } };

/** The OpenAPI 3.0 document of one version of a group. */
export function openApiV3(definitions: readonly ResourceDefinition[], info: DocumentInfo): object {
  const builder = new SchemaBuilder('v3', definitions);
  const items = definitions.flatMap(pathsOf).sort((a, b) => (a.path < b.path ? -1 : 1));
  const paths = Object.fromEntries(items.map((item) => [item.path, pathItem(item, builder)]));
  // Kinds that no path names in full, such as those of a subresource, come with what refers to them.
  return { openapi: '3.0.0', info, paths, components: { schemas: builder.all(), securitySchemes: SECURITY } };
}

/** A document for a path that lists what is there, and takes nothing. */
export function discoveryV3(path: string, info: DocumentInfo, answer: string): object {
  const builder = new SchemaBuilder('v3');
  const content = contentOf(['application/json'], builder.reference(answer));
  const get = {
    tags: [path.split('/').at(-2) ?? ''],
    operationId: `get${path
      .split('/')
      .filter(Boolean)
      .map((part) => part.replace(/\W/g, '_'))
      .join('_')}`,
    responses: { 200: { description: 'OK', content }, 401: { description: 'Unauthorized' } },
  };
  return {
    openapi: '3.0.0',
    info,
    paths: { [path]: { get } },
    components: { schemas: builder.all(), securitySchemes: SECURITY },
  };
}

function pathItem({ parameters, operations }: PathItem, builder: SchemaBuilder): Schema {
  return {
    ...Object.fromEntries(operations.map((operation) => [operation.method, operationOf(operation, builder)])),
    parameters: parameters.map(parameterOf),
  };
}

function operationOf(operation: Operation, builder: SchemaBuilder): Schema {
  const { tag, id, deprecated, parameters, body, action, target } = operation;
  const { group, kind, version } = target;
  return {
    tags: [tag],
    operationId: id,
    ...(deprecated && { deprecated }),
    ...(parameters.length > 0 && { parameters: parameters.map(parameterOf) }),
    ...(body !== undefined && { requestBody: requestBody(operation, builder.reference(body)) }),
    responses: responsesOf(operation, builder),
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group, kind, version },
  };
}

function requestBody({ method, consumes }: Operation, schema: Schema): Schema {
  const content = contentOf(consumes, schema);
  return method === 'delete' ? { content } : { content, required: true };
}

function responsesOf({ codes, answer, action }: Operation, builder: SchemaBuilder): Schema {
  const types = answer === undefined ? ['*/*'] : action === 'list' ? [...OBJECT_TYPES, ...WATCH_TYPES.slice(1)] : OBJECT_TYPES;
  const schema = answer === undefined ? { type: 'string' } : builder.reference(answer);
  const responses = codes.map((code) => [code, { description: CODE_TEXTS[code], content: contentOf(types, schema) }]);
  return { ...Object.fromEntries(responses), 401: { description: 'Unauthorized' } };
}

function contentOf(types: readonly string[], schema: Schema): Schema {
  return Object.fromEntries(types.map((type) => [type, { schema }]));
}

function parameterOf({ name, in: place, type, description }: Parameter): Schema {
  return {
    name,
    in: place,
    ...(description !== undefined && { description }),
    ...(place === 'path' && { required: true }),
    schema: { type, uniqueItems: true },
  };
}
