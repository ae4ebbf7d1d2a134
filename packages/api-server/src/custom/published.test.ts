import { expect, it } from 'vitest';
import { Query } from '../request/query.ts';
import type { Loose } from '../test-support/api-probe.ts';
import { boats, customWorld, DEFINITIONS, establish, becomes, failure, untilGone } from './test-support.ts';

const NAME = 'com.example.v1.Boat';
const ADMIN = { name: 'admin', groups: [] };
const SCALE = { specReplicasPath: '.spec.size', statusReplicasPath: '.status.size' };

const RICH = {
  type: 'object',
  description: 'Something that swims.',
  properties: {
    spec: {
      type: 'object',
      properties: {
        port: { 'x-kubernetes-int-or-string': true },
        free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: { known: { type: 'string' } } },
        maybe: { type: 'string', nullable: true },
        template: {
          type: 'object',
          'x-kubernetes-embedded-resource': true,
          properties: { spec: { type: 'object', properties: { a: { type: 'string' } } } },
        },
      },
      anyOf: [{ required: ['port'] }, { required: ['free'] }],
    },
  },
};

it('tells of a kind in plain and aggregated discovery, whose ETag changes with it and not otherwise', async () => {
  await using api = await customWorld([]);
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
  const tag = async (): Promise<string> => {
    const request = { method: 'GET', path: '/apis', query: Query.EMPTY, user: ADMIN, accept, body: undefined };
    const answer = await api.server.handle({ ...request, userAgent: undefined, signal: undefined }, () => undefined);
    return answer.type === 'content' ? (answer.headers?.ETag ?? '') : '';
  };
  const before = await tag();

  await establish(api.probe, boats({ version: { subresources: { status: {}, scale: SCALE } } }));
  const established = await tag();
  await api.probe.merge(`${DEFINITIONS}/boats.example.com`, { metadata: { labels: { x: 'y' } } });
  const labelled = await tag();
  const group = await api.probe.get('/apis/example.com');
  const { resources } = await api.probe.get('/apis/example.com/v1');
  const aggregated = (await api.probe.call('GET', '/apis', { accept })).body as Loose;
  await api.probe.remove(`${DEFINITIONS}/boats.example.com`);
  await untilGone(api.probe, 'boats.example.com');

  expect(established).not.toBe(before);
  expect(labelled).toBe(established);
  expect(await tag()).toBe(before);
  expect(group).toMatchObject({ name: 'example.com', preferredVersion: { groupVersion: 'example.com/v1' } });
  expect(resources).toMatchObject([
    { name: 'boats', singularName: 'boat', kind: 'Boat', shortNames: ['bt'], categories: ['fleet'], namespaced: true },
    { name: 'boats/scale', group: 'autoscaling', version: 'v1', kind: 'Scale', verbs: ['get', 'patch', 'update'] },
    { name: 'boats/status', kind: 'Boat', verbs: ['get', 'patch', 'update'] },
  ]);
  const entry = aggregated.items.find(({ metadata }: Loose) => metadata.name === 'example.com');
  expect(entry.versions[0].resources[0]).toMatchObject({
    resource: 'boats',
    responseKind: { group: 'example.com', kind: 'Boat' },
  });
});

it('describes a kind in OpenAPI, under a hash that changes with its schema alone', async () => {
  await using api = await customWorld([boats({ schema: RICH })]);
  const address = async (group: string): Promise<string> =>
    (await api.probe.get('/openapi/v3')).paths[`apis/${group}`].serverRelativeURL;
  const before = await address('example.com/v1');
  const apps = await address('apps/v1');

  const v3 = await api.probe.get('/openapi/v3/apis/example.com/v1');
  const v2 = await api.probe.get('/openapi/v2');
  await api.probe.merge(`${DEFINITIONS}/boats.example.com`, { spec: { conversion: { strategy: 'None' } } });
  const same = await address('example.com/v1');
  const changed = { ...RICH, description: 'Something that may sink.' };
  const { metadata } = await api.probe.get(`${DEFINITIONS}/boats.example.com`);
  await api.probe.update(`${DEFINITIONS}/boats.example.com`, { ...boats({ schema: changed }), metadata });
  const after = await becomes(
    () => address('example.com/v1'),
    (found) => String(found) !== before,
  );

  expect(same).toBe(before);
  expect(String(after)).toMatch(/\?hash=[0-9A-F]{64}$/);
  expect(await address('apps/v1')).toBe(apps);
  const schema = v3.components.schemas[NAME];
  expect(schema).toMatchObject({
    description: 'Something that swims.',
    'x-kubernetes-group-version-kind': [{ group: 'example.com', kind: 'Boat', version: 'v1' }],
  });
  expect(schema.properties.metadata.allOf).toEqual([
    { $ref: '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' },
  ]);
  const { spec } = schema.properties;
  expect(spec.properties.port).toEqual({ 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] });
  expect(spec.properties.template).toMatchObject({ required: ['kind', 'apiVersion'], properties: { kind: { type: 'string' } } });
  expect(spec.anyOf).toHaveLength(2);
  const plain = v2.definitions[NAME].properties.spec;
  expect(plain.anyOf).toBeUndefined();
  expect(plain.properties.free).toEqual({ 'x-kubernetes-preserve-unknown-fields': true });
  expect(plain.properties.maybe).toEqual({});
  const patch = v2.paths['/apis/example.com/v1/namespaces/{namespace}/boats/{name}'].patch;
  expect(patch).toMatchObject({
    operationId: 'patchExampleComV1NamespacedBoat',
    consumes: ['application/apply-patch+yaml', 'application/json-patch+json', 'application/merge-patch+json'],
  });
  expect(v3.components.schemas['com.example.v1.BoatList'].properties.items.items).toEqual({
    $ref: `#/components/schemas/${NAME}`,
  });
});

it('drops what is deleted, and versions that are served no more', async () => {
  await using api = await customWorld([boats()]);
  const described = async (): Promise<boolean> => NAME in (await api.probe.get('/openapi/v2')).definitions;
  const present = await described();
  const { metadata, spec } = await api.probe.get(`${DEFINITIONS}/boats.example.com`);
  const [v1] = spec.versions;
  const versions = [
    { ...v1, served: false, storage: false },
    { ...v1, name: 'v2' },
  ];

  await api.probe.update(`${DEFINITIONS}/boats.example.com`, { ...boats({ spec: { versions } }), metadata });
  await becomes(
    () => api.probe.get('/apis/example.com'),
    (group) => group.versions[0].version === 'v2',
  );
  const unserved = await described();
  const gone = await api.probe.get('/apis/example.com/v1/boats').catch(failure);
  const index = await api.probe.get('/openapi/v3');

  expect(present).toBe(true);
  expect(unserved).toBe(false);
  expect(gone.code).toBe(404);
  expect(Object.keys(index.paths).filter((path) => path.includes('example.com'))).toEqual(['apis/example.com/v2']);
});
