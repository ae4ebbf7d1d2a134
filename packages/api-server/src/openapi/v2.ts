import type { ResourceDefinition } from '../registry/resource-definition.ts';
import { CODE_TEXTS, OBJECT_TYPES, WATCH_TYPES } from './media-types.ts';
import { pathsOf, type Operation, type PathItem } from './operations.ts';
import type { Parameter } from './parameters.ts';
import { SchemaBuilder, type Schema } from './schemas.ts';
import type { DocumentInfo } from './v3.ts';

/** A Swagger 2.0 document, as far as it is made here. */
export interface SwaggerDocument {
  readonly swagger: '2.0';
  readonly info: DocumentInfo;
  readonly paths: Readonly<Record<string, Schema>>;
  readonly definitions: Readonly<Record<string, Schema>>;
  readonly securityDefinitions: Readonly<Record<string, Schema>>;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
}

/** The one document of OpenAPI 2 for everything that is served. */
export function openApiV2(definitions: readonly ResourceDefinition[], info: DocumentInfo): SwaggerDocument {
  const builder = new SchemaBuilder('v2', definitions);
  const items = definitions.flatMap(pathsOf).sort((a, b) => (a.path < b.path ? -1 : 1));
  const paths = Object.fromEntries(items.map((item) => [item.path, pathItem(item, builder)]));
  return {
    swagger: '2.0',
    info,
    paths,
    definitions: builder.all(),
    securityDefinitions: {
      BearerToken: { type: 'apiKey', name: 'authorization', in: 'header', description: 'Bearer token' },
    },
    security: [{ BearerToken: [] }],
  };
}

function pathItem({ parameters, operations }: PathItem, builder: SchemaBuilder): Schema {
  return {
    ...Object.fromEntries(operations.map((operation) => [operation.method, operationOf(operation, builder)])),
    parameters: parameters.map(parameterOf),
  };
}

function operationOf(operation: Operation, builder: SchemaBuilder): Schema {
  const { tag, id, deprecated, parameters, body, consumes, action, target, method } = operation;
  const { group, kind, version } = target;
  const bodies =
    body === undefined ? [] : [{ in: 'body', name: 'body', required: method !== 'delete', schema: builder.reference(body) }];
  return {
    tags: [tag],
    operationId: id,
    consumes,
    produces: producesOf(operation),
    schemes: ['https'],
    ...(deprecated && { deprecated }),
    ...(parameters.length + bodies.length > 0 && { parameters: [...bodies, ...parameters.map(parameterOf)] }),
    responses: responsesOf(operation, builder),
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group, kind, version },
  };
}

function producesOf({ answer, action }: Operation): readonly string[] {
  if (answer === undefined) return ['*/*'];
  return action === 'list' ? [...OBJECT_TYPES, ...WATCH_TYPES.slice(1)] : OBJECT_TYPES;
}

function responsesOf({ codes, answer }: Operation, builder: SchemaBuilder): Schema {
  const schema = answer === undefined ? { type: 'string' } : builder.reference(answer);
  const responses = codes.map((code) => [code, { description: CODE_TEXTS[code] ?? '', schema }]);
  return { ...Object.fromEntries(responses), 401: { description: 'Unauthorized' } };
}

function parameterOf({ name, in: place, type, description }: Parameter): Schema {
  return {
    name,
    in: place,
    ...(description !== undefined && { description }),
    ...(place === 'path' && { required: true }),
    type,
    uniqueItems: true,
  };
}
