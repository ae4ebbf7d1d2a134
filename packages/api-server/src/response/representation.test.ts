import { describe, expect, it } from 'vitest';
import { PROTOBUF } from '../protobuf/index.ts';
import { builtinDefinitions } from '../registry/builtin-definitions.ts';
import { HttpsServer, readLines } from '../test-support/https-server.ts';
import { negotiate } from './representation.ts';

const kind = builtinDefinitions().find((each) => each.kind === 'ConfigMap');
const custom = kind && { ...kind, group: 'example.com', kind: 'Widget' };
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';
const OLD_TABLE = 'application/json;as=Table;v=v1beta1;g=meta.k8s.io';
const PARTIAL = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io';
const PARTIALS = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io';
const MAPS = '/api/v1/namespaces/default/configmaps';
const JSON_OBJECT = { as: 'object', mediaType: 'application/json' };

describe('what a client is answered', () => {
  it.each([
    { accept: undefined, form: JSON_OBJECT },
    { accept: '*/*', form: JSON_OBJECT },
    { accept: 'text/html, application/*;q=0.8', form: JSON_OBJECT },
    { accept: 'application/json;q=0.1, application/yaml', form: { as: 'object', mediaType: 'application/yaml' } },
    { accept: 'APPLICATION/YAML ; charset=utf-8', form: { as: 'object', mediaType: 'application/yaml' } },
    { accept: 'application/json;q=0, application/yaml;q=0.2', form: { as: 'object', mediaType: 'application/yaml' } },
    { accept: `${TABLE},${OLD_TABLE},application/json`, form: { as: 'Table', mediaType: 'application/json' } },
    { accept: `${OLD_TABLE},application/json`, form: { as: 'Table', version: 'v1beta1', mediaType: 'application/json' } },
    { accept: 'application/json;as=Table;v=v2;g=meta.k8s.io,application/json', form: JSON_OBJECT },
    { accept: 'application/json;as=Cake;v=v1;g=meta.k8s.io,application/json', form: JSON_OBJECT },
    { accept: `${PROTOBUF};as=Table;v=v1;g=meta.k8s.io,application/json`, form: JSON_OBJECT },
    { accept: 'application/cbor,application/json', form: JSON_OBJECT },
  ])('who accepts $accept', ({ accept, form }) => {
    expect(negotiate(accept, kind, false)).toEqual(form);
  });

  it('is what there is a message for', () => {
    const accept = `${PROTOBUF},application/json`;

    expect(negotiate(accept, kind, false).mediaType).toBe(PROTOBUF);
    expect(negotiate(accept, custom, false)).toEqual(JSON_OBJECT);
    expect(() => negotiate(PROTOBUF, custom, false)).toThrow(/only the following media types are accepted/);
  });

  it('is no Table if it can only be created', () => {
    const review = builtinDefinitions().find((each) => each.kind === 'SelfSubjectAccessReview');

    expect(negotiate(`${TABLE},application/json`, review, false)).toEqual(JSON_OBJECT);
    expect(() => negotiate(TABLE, review, false)).toThrow(/only the following media types are accepted/);
  });

  it('is no YAML if it is a stream', () => {
    expect(negotiate('application/yaml,application/json', kind, true)).toEqual(JSON_OBJECT);
    expect(() => negotiate('application/yaml', kind, true)).toThrow(
      `only the following media types are accepted: application/json;stream=watch, ${PROTOBUF};stream=watch`,
    );
  });
});

describe('metadata alone', () => {
  it('comes for one object and for lists, each in its form, in both versions', async () => {
    await using server = await HttpsServer.start();
    await server.json(MAPS, { method: 'POST', value: { metadata: { name: 'a' }, data: { k: 'v' } } });
    const ask = async (path: string, accept: string) => (await server.json(path, { headers: { accept } })).value;

    const one = await ask(`${MAPS}/a`, PARTIAL);
    const list = await ask(MAPS, PARTIALS.replace('v=v1;', 'v=v1beta1;'));

    expect(one).toEqual({ kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: one.metadata });
    expect(one.metadata).toMatchObject({ name: 'a', namespace: 'default' });
    expect(list).toMatchObject({ kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1beta1' });
    expect(list.items[0]).toEqual({ kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1beta1', metadata: one.metadata });
    expect(await ask(MAPS, PARTIAL)).toMatchObject({
      code: 406,
      message: 'you requested PartialObjectMetadata, but the requested object is a list (*v1.ConfigMapList)',
    });
    expect(await ask(`${MAPS}/a`, PARTIALS)).toMatchObject({ code: 406, reason: 'NotAcceptable' });
  });

  it('comes when an object is changed, deleted and watched', async () => {
    await using server = await HttpsServer.start();
    await server.json(MAPS, { method: 'POST', value: { metadata: { name: 'a', finalizers: ['example.com/wait'] } } });
    const headers = { accept: PARTIAL, 'content-type': 'application/merge-patch+json' };

    const patched = await server.json(`${MAPS}/a`, { method: 'PATCH', headers, value: { data: { k: 'v' } } });
    const deleted = await server.json(`${MAPS}/a`, { method: 'DELETE', headers: { accept: PARTIAL } });
    const watch = await server.open(`${MAPS}?watch=1`, { headers: { accept: PARTIAL } });
    const [line] = await readLines(watch, 1);

    expect(patched.value).toEqual({
      kind: 'PartialObjectMetadata',
      apiVersion: 'meta.k8s.io/v1',
      metadata: patched.value.metadata,
    });
    expect(deleted.value).toMatchObject({ kind: 'PartialObjectMetadata', metadata: { deletionGracePeriodSeconds: 0 } });
    expect(line).toEqual({ type: 'ADDED', object: deleted.value });
  });
});

describe('a table', () => {
  it('carries of its objects what was asked for', async () => {
    await using server = await HttpsServer.start();
    await server.json(MAPS, { method: 'POST', value: { metadata: { name: 'a' }, data: { k: 'v' } } });
    const ask = async (include: string, accept = TABLE) =>
      (await server.json(`${MAPS}?includeObject=${include}`, { headers: { accept } })).value;

    expect((await ask('None')).rows[0].object).toBeNull();
    expect((await ask('')).rows[0].object.kind).toBe('PartialObjectMetadata');
    expect((await ask('Object')).rows[0].object.data).toEqual({ k: 'v' });
    expect((await ask('', OLD_TABLE)).apiVersion).toBe('meta.k8s.io/v1beta1');
    expect(await ask('Some')).toMatchObject({
      code: 400,
      message: `Unable to convert to Table as requested: includeObject: Invalid value: "Some": must be 'Metadata', 'Object', 'None', or empty`,
    });
    expect(await ask('None', 'application/json')).toMatchObject({ kind: 'ConfigMapList' });
  });

  it('can be YAML', async () => {
    await using server = await HttpsServer.start();

    const { headers, body } = await server.send(MAPS, { headers: { accept: TABLE.replace('json', 'yaml') } });

    expect(headers['content-type']).toBe('application/yaml');
    expect(body.toString()).toMatch(/^kind: Table\n/);
  });
});
