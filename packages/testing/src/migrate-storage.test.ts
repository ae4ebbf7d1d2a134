import { eventually } from '@keelson/base/testing';
import { startTestApiServer, type TestApiServer } from '@keelson/api-server/testing';
import { CustomResourceDefinition } from '@keelson/api/apiextensions/v1';
import { createClient, type Client } from '@keelson/client';
import { migrateStorage } from '@keelson/controller-runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const NAME = 'boats.example.com';
const BOAT = { group: 'example.com', version: 'v1', kind: 'Boat', resource: 'boats', namespaced: true };
const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };

function definition(stored: 'v1' | 'v2'): CustomResourceDefinition {
  const versions = ['v1', 'v2'].map((name) => ({ name, served: true, storage: name === stored, schema }));
  const names = { kind: 'Boat', plural: 'boats', singular: 'boat', listKind: 'BoatList' };
  return { metadata: { name: NAME }, spec: { group: 'example.com', scope: 'Namespaced', names, versions } };
}

describe('migrateStorage', () => {
  let api: TestApiServer;
  let client: Client;

  beforeEach(async () => {
    api = await startTestApiServer();
    client = createClient(api.transport);
    const definitions = client.resource(CustomResourceDefinition);
    await definitions.create(definition('v1'));
    await eventually(() => client.resource(BOAT).list());
    for (const name of ['a', 'b', 'c']) await client.resource(BOAT).create({ metadata: { name, namespace: 'default' } });
    await definitions.patch({ name: NAME }, 'merge', definition('v2'));
    await eventually(async () => (await definitions.get({ name: NAME })).status?.storedVersions?.length === 2);
  });

  afterEach(() => api.close());

  const storedVersions = async () => {
    const { entries } = await api.store.range('/registry/example.com/boats/');
    return entries.map(({ value }) => /"apiVersion":"example.com\/(\w+)"/.exec(Buffer.from(value).toString())?.[1]);
  };

  it('has all objects stored in the new version, and the definition say so', async () => {
    expect(await storedVersions()).toEqual(['v1', 'v1', 'v1']);

    const count = await migrateStorage(client, NAME);

    expect([count, await storedVersions()]).toEqual([3, ['v2', 'v2', 'v2']]);
    expect((await client.resource(CustomResourceDefinition).get({ name: NAME })).status?.storedVersions).toEqual(['v2']);
  });

  it('may be called again, and is cut off by its signal', async () => {
    await expect(migrateStorage(client, NAME, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
    await migrateStorage(client, NAME);

    expect(await migrateStorage(client, NAME)).toBe(3);
  });
});
