import type { CustomResourceDefinition, CustomResourceDefinitionVersion, JSONSchemaProps } from '@keelson/api/apiextensions/v1';
import { isReason } from '@keelson/base';
import { eventually } from '@keelson/base/testing';
import { ApiProbe, type Loose } from '../test-support/api-probe.ts';
import { startTestApiServer, type TestApiServer, type TestApiServerOptions } from '../testing.ts';

export const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
export const BOATS = '/apis/example.com/v1/namespaces/default/boats';

const SCHEMA: JSONSchemaProps = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      properties: {
        size: { type: 'integer', maximum: 10, default: 1 },
        color: { type: 'string', enum: ['red', 'blue'] },
        crew: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
      },
    },
    status: { type: 'object', properties: { size: { type: 'integer' }, selector: { type: 'string' } } },
  },
};

/** A definition of boats; `version` is put into its only version, `spec` into the spec. */
export function boats(
  parts: {
    readonly spec?: Partial<CustomResourceDefinition['spec']>;
    readonly version?: Partial<CustomResourceDefinitionVersion>;
    readonly schema?: JSONSchemaProps;
  } = {},
): Loose {
  const { spec, version, schema = SCHEMA } = parts;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'boats.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'boats', kind: 'Boat', shortNames: ['bt'], categories: ['fleet'] },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema }, ...version }],
      ...spec,
    },
  };
}

export function boat(name: string, spec: Record<string, unknown> = {}, more: Record<string, unknown> = {}): Loose {
  return { apiVersion: 'example.com/v1', kind: 'Boat', metadata: { name }, spec, ...more };
}

export interface CustomWorld extends TestApiServer {
  readonly probe: ApiProbe;
}

/** A server in which the definitions are established. */
export async function customWorld(definitions: readonly Loose[], options: TestApiServerOptions = {}): Promise<CustomWorld> {
  const api = await startTestApiServer(options);
  const probe = new ApiProbe(api.transport);
  for (const definition of definitions) await establish(probe, definition);
  return Object.assign(api, { probe });
}

/** Creates a definition and resolves when its kind is served. */
export async function establish(probe: ApiProbe, definition: Loose): Promise<Loose> {
  await probe.create(DEFINITIONS, definition);
  return until(probe, definition.metadata.name, (found) => conditionOf(found, 'Established') === 'True');
}

/** The definition, once it is as wanted. */
export async function until(probe: ApiProbe, name: string, holds: (definition: Loose) => boolean): Promise<Loose> {
  return becomes(() => probe.get(`${DEFINITIONS}/${name}`), holds);
}

/** What `read` gives, once it is as wanted. */
export async function becomes(read: () => Promise<Loose>, holds: (found: Loose) => boolean): Promise<Loose> {
  let found: Loose;
  const isAsWanted = async () => holds((found = await read()));
  await eventually(isAsWanted, { describe: () => found });
  return found;
}

/** Resolves when the definition is gone. */
export async function untilGone(probe: ApiProbe, name: string): Promise<void> {
  const read = () => probe.get(`${DEFINITIONS}/${name}`);
  await eventually(
    () =>
      read().then(
        () => false,
        (error: unknown) => isReason(error, 'NotFound'),
      ),
    { describe: read },
  );
}

export function conditionOf(definition: Loose, type: string): string | undefined {
  const found = (definition.status?.conditions ?? []).find((condition: Loose) => condition.type === type);
  return found?.status as string | undefined;
}

export const failure = (caught: unknown): Loose => caught;
