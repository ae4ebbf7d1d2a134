import { describe, expect, it } from 'vitest';
import type { Loose } from '../test-support/api-probe.ts';
import { WebhookServer } from '../test-support/webhook-server.ts';
import { boats, customWorld, DEFINITIONS, becomes, failure } from './test-support.ts';

const V1 = '/apis/example.com/v1/namespaces/default/boats';
const V2 = '/apis/example.com/v2/namespaces/default/boats';

const schema = (...fields: string[]) => ({
  openAPIV3Schema: {
    type: 'object',
    properties: { spec: { type: 'object', properties: Object.fromEntries(fields.map((field) => [field, { type: 'string' }])) } },
  },
});

/** Boats whose first version has a `size` and whose second has a `length`; `storage` says which is stored. */
function twoVersions(storage: 'v1' | 'v2', conversion?: object): Loose {
  const versions = [
    { name: 'v1', served: true, storage: storage === 'v1', schema: schema('size', 'color') },
    { name: 'v2', served: true, storage: storage === 'v2', schema: schema('length', 'color') },
  ];
  return boats({ spec: { versions, ...(conversion && { conversion: conversion as never }) } });
}

function viaWebhook(server: WebhookServer, clientConfig: object = { url: server.url, caBundle: server.caBundle }): object {
  return { strategy: 'Webhook', webhook: { clientConfig, conversionReviewVersions: ['v1'] } };
}

/** Moves `size` to `length` and back. */
function convert({ desiredAPIVersion, objects }: Loose): Loose {
  const convertedObjects = objects.map((object: Loose) => {
    const { size, length, ...rest } = object.spec;
    const spec = desiredAPIVersion.endsWith('v2') ? { ...rest, length: size } : { ...rest, size: length };
    return { ...object, apiVersion: desiredAPIVersion, spec };
  });
  return { convertedObjects, result: { status: 'Success' } };
}

const boat = (version: string, name: string, spec: object): Loose => ({
  apiVersion: `example.com/${version}`,
  kind: 'Boat',
  metadata: { name },
  spec,
});

describe('without a conversion', () => {
  it('versions differ in their names and in what they know', async () => {
    await using api = await customWorld([twoVersions('v2')]);

    const made = await api.probe.create(V1, boat('v1', 'a', { size: '3', color: 'red' }));
    const other = await api.probe.get(`${V2}/a`);
    const patched = await api.probe.merge(`${V2}/a`, { spec: { length: '9' } });

    expect(made).toMatchObject({ apiVersion: 'example.com/v1', spec: { color: 'red' } });
    expect(other).toMatchObject({ apiVersion: 'example.com/v2', spec: { color: 'red' }, metadata: { uid: made.metadata.uid } });
    expect(patched.spec).toEqual({ color: 'red', length: '9' });
    expect(patched.metadata.generation).toBe(2);
  });

  it('objects of both stored versions are served once the stored version has changed, and migrate when they are written', async () => {
    await using api = await customWorld([twoVersions('v1')]);
    await api.probe.create(V1, boat('v1', 'old', { color: 'red' }));
    const { metadata } = await api.probe.get(`${DEFINITIONS}/boats.example.com`);

    const changed = await api.probe.update(`${DEFINITIONS}/boats.example.com`, { ...twoVersions('v2'), metadata });
    const stored = async (): Promise<string> =>
      Buffer.from((await api.store.get('/registry/example.com/boats/default/old'))?.value ?? []).toString();
    const before = await stored();
    const read = await becomes(
      () => api.probe.get(`${V1}/old`),
      () => true,
    );
    await becomes(
      () => api.probe.merge(`${V1}/old`, { metadata: { labels: { x: String(Math.random()) } } }),
      () => true,
    );
    const after = await becomes(stored, (text: string) => text.includes('/v2'));

    expect(changed.status.storedVersions).toEqual(['v1', 'v2']);
    expect(read).toMatchObject({ apiVersion: 'example.com/v1', spec: { color: 'red' } });
    expect(before).toContain('"apiVersion":"example.com/v1"');
    expect(after).toContain('"apiVersion":"example.com/v2"');
  });
});

describe('by a webhook', () => {
  it('each version is read, written, listed and watched as its own; a list is converted in one call', async () => {
    await using webhook = await WebhookServer.start(convert);
    await using api = await customWorld([twoVersions('v2', viaWebhook(webhook))]);
    for (const name of ['a', 'b', 'c']) await api.probe.create(V2, boat('v2', name, { length: name }));
    webhook.requests.length = 0;

    const list = await api.probe.get(V1);
    const asked = webhook.requests.map(({ objects }) => objects.length);
    using log = await api.probe.watch(V1);
    const made = await api.probe.create(V1, boat('v1', 'd', { size: '4' }));
    await api.probe.merge(`${V2}/a`, { spec: { length: '9' } });
    await becomes(
      async () => log.lines,
      (lines: string[]) => lines.length === 5,
    );
    const page = await api.probe.get(V1, { limit: 2 });

    expect(list).toMatchObject({ kind: 'BoatList', apiVersion: 'example.com/v1' });
    expect(list.items.map(({ spec }: Loose) => spec)).toEqual([{ size: 'a' }, { size: 'b' }, { size: 'c' }]);
    expect(asked).toEqual([3]);
    expect(made).toMatchObject({ apiVersion: 'example.com/v1', spec: { size: '4' }, metadata: { generation: 1 } });
    expect(await api.probe.get(`${V2}/d`)).toMatchObject({ spec: { length: '4' } });
    expect(log.lines.slice(3)).toEqual(['ADDED d', 'MODIFIED a']);
    expect(log.events[4]?.object).toMatchObject({ apiVersion: 'example.com/v1', spec: { size: '9' } });
    expect(page.items).toHaveLength(2);
  });

  it('is told to the service that the definition names, under its name', async () => {
    await using webhook = await WebhookServer.start(convert);
    const { port } = webhook;
    const clientConfig = { service: { namespace: 'default', name: 'hook', port }, caBundle: webhook.caBundle };
    await using api = await customWorld([twoVersions('v2', viaWebhook(webhook, clientConfig))]);
    await api.probe.create(V2, boat('v2', 'a', { length: '1' }));

    const without = await api.probe.get(`${V1}/a`).catch(failure);
    const spec = { type: 'ExternalName', externalName: 'localhost' };
    await api.probe.create('/api/v1/namespaces/default/services', { metadata: { name: 'hook' }, spec });
    const read = await api.probe.get(`${V1}/a`);

    expect(without).toMatchObject({ reason: 'InternalError', code: 500 });
    expect(without.message).toBe(
      'Internal error occurred: conversion webhook for example.com/v2, Kind=Boat failed: ' +
        `Post "https://hook.default.svc:${port}/?timeout=30s": service "hook" not found`,
    );
    expect(read.spec).toEqual({ size: '1' });
  });

  it.each<{ title: string; answer: (request: Loose) => Loose; want: string }>([
    { title: 'says no', answer: () => ({ result: { status: 'Failure', message: 'no way' } }), want: 'failed: no way' },
    {
      title: 'breaks',
      answer: () => ({ httpCode: 500 }),
      want: 'an error on the server ("oops") has prevented the request from succeeding',
    },
    {
      title: 'answers another question',
      answer: (request) => ({ ...convert(request), uid: 'x' }),
      want: 'failed: expected response.uid=',
    },
    {
      title: 'loses objects',
      answer: () => ({ convertedObjects: [], result: { status: 'Success' } }),
      want: 'returned 0 objects, expected 1',
    },
    {
      title: 'renames them',
      answer: (request) => {
        const converted = convert(request);
        converted.convertedObjects[0].metadata.name = 'z';
        return converted;
      },
      want: 'returned invalid object: must have the same name: a != z',
    },
  ])('that $title is told to the client', async ({ answer, want }) => {
    let current = answer;
    await using webhook = await WebhookServer.start((request) => current(request));
    await using api = await customWorld([twoVersions('v2', viaWebhook(webhook))]);
    await api.probe.create(V2, boat('v2', 'a', { length: '1' }));

    const read = await api.probe.get(`${V1}/a`).catch(failure);
    const list = await api.probe.get(V1).catch(failure);
    const fine = await api.probe.get(`${V2}/a`);
    current = convert;
    const again = await api.probe.get(`${V1}/a`);

    expect(read).toMatchObject({ code: 500, message: expect.stringContaining(want) });
    expect(list.code).toBe(500);
    expect(fine.spec).toEqual({ length: '1' });
    expect(again.spec).toEqual({ size: '1' });
  });

  it('a very long list is converted in several calls', async () => {
    await using webhook = await WebhookServer.start(convert);
    await using api = await customWorld([twoVersions('v2', viaWebhook(webhook))]);
    for (let at = 0; at < 6; at += 1) await api.probe.create(V2, boat('v2', `a${at}`, { length: 'x'.repeat(1_000_000) }));
    webhook.requests.length = 0;

    const { items } = await api.probe.get(V1);

    expect(items).toHaveLength(6);
    expect(webhook.requests.map(({ objects }) => objects.length)).toEqual([4, 2]);
  });

  it('only labels and annotations of the metadata may change', async () => {
    await using webhook = await WebhookServer.start((request) => {
      const converted = convert(request);
      for (const object of converted.convertedObjects) {
        object.metadata = { ...object.metadata, labels: { converted: 'yes' }, finalizers: ['a/b'], creationTimestamp: null };
      }
      return converted;
    });
    await using api = await customWorld([twoVersions('v2', viaWebhook(webhook))]);
    const made = await api.probe.create(V2, boat('v2', 'a', { length: '1' }));

    const { metadata } = await api.probe.get(`${V1}/a`);

    expect(metadata).toEqual({ ...made.metadata, labels: { converted: 'yes' } });
  });

  it('that is not who it should be is not trusted', async () => {
    await using webhook = await WebhookServer.start(convert);
    await using other = await WebhookServer.start(convert);
    const conversion = viaWebhook(webhook, { url: webhook.url, caBundle: other.caBundle });
    await using api = await customWorld([twoVersions('v2', conversion)]);
    await api.probe.create(V2, boat('v2', 'a', { length: '1' }));

    const refused = await api.probe.get(`${V1}/a`).catch(failure);

    expect(refused.message).toContain('tls: failed to verify certificate: x509: certificate signed by unknown authority');
  });
});
