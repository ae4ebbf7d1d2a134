import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ApiProbe, type Loose } from '../test-support/api-probe.ts';
import { HttpsServer, readLines } from '../test-support/https-server.ts';
import { BOATS, boats, establish } from './test-support.ts';

const SCHEMA = {
  type: 'object',
  properties: { spec: { type: 'object', properties: { big: { type: 'integer', format: 'int64' }, text: { type: 'string' } } } },
};
const PROTOBUF = 'application/vnd.kubernetes.protobuf';

async function setUp(): Promise<HttpsServer> {
  const server = await HttpsServer.start();
  await establish(new ApiProbe(server.api.transport), boats({ schema: SCHEMA }));
  return server;
}

const post = (body: string, contentType = 'application/json') =>
  ({ method: 'POST', body, headers: { 'content-type': contentType } }) as const;
const text = (name: string, spec: string): string =>
  `{"apiVersion":"example.com/v1","kind":"Boat","metadata":{"name":"${name}"},"spec":${spec}}`;

describe('custom objects over HTTP', () => {
  it('keep large integers in every form of an answer', async () => {
    await using server = await setUp();

    const made = await server.send(BOATS, post(text('a', '{"big":9007199254740993}')));
    const list = await server.send(BOATS);
    const yaml = await server.send(`${BOATS}/a`, { headers: { accept: 'application/yaml' } });
    const patch = { method: 'PATCH', body: '{"spec":{"text":"x"}}', headers: { 'content-type': 'application/merge-patch+json' } };
    const patched = await server.send(`${BOATS}/a`, patch);
    const watch = await server.open(`${BOATS}?watch=true&timeoutSeconds=1`);
    const [event] = await readLines(watch, 1);

    for (const { body } of [made, list, yaml, patched]) expect(body.toString()).toContain('9007199254740993');
    expect(made.status).toBe(201);
    expect(event.object.spec.text).toBe('x');
  });

  it.each(['application/json', 'application/yaml'])(
    'say their kind in lists too, which those of built-in kinds do not: %s',
    async (accept) => {
      await using server = await setUp();
      for (const name of ['a', 'b']) await server.send(BOATS, post(text(name, '{"text":"x"}')));
      const list = async (path: string): Promise<Loose> =>
        parse((await server.send(path, { headers: { accept } })).body.toString());

      const boatList = await list(BOATS);
      const namespaces = await list('/api/v1/namespaces');

      expect(boatList.items).toMatchObject(
        ['a', 'b'].map((name) => ({ kind: 'Boat', apiVersion: 'example.com/v1', metadata: { name }, spec: { text: 'x' } })),
      );
      expect(boatList.items[1].metadata.resourceVersion).toBe(boatList.metadata.resourceVersion);
      expect(namespaces.items.filter((item: Loose) => 'kind' in item)).toEqual([]);
    },
  );

  it('may have limits that are larger than exact integers', async () => {
    await using server = await HttpsServer.start();
    const limit = '9223372036854774807';
    const definition = JSON.stringify(boats({ schema: SCHEMA })).replace('"int64"', `"int64","maximum":${limit}`);

    const { status, body } = await server.send('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', post(definition));

    expect(body.toString()).toContain(`"maximum":${Number(limit)}`);
    expect(status).toBe(201);
  });

  it('are taken as YAML', async () => {
    await using server = await setUp();

    const made = await server.send(
      BOATS,
      post(
        'apiVersion: example.com/v1\nkind: Boat\nmetadata: {name: a}\nspec: {text: "on", big: 9007199254740993}',
        'application/yaml',
      ),
    );

    expect(made.status).toBe(201);
    expect(made.body.toString()).toContain('"spec":{"text":"on","big":9007199254740993}');
  });

  it('tell of fields that are unknown or given twice, as the client wants', async () => {
    await using server = await setUp();
    const body = text('a', '{"text":"x","text":"y","foo":1}');

    const strict = await server.json(`${BOATS}?fieldValidation=Strict`, post(body));
    const warned = await server.json(BOATS, post(body));
    const ignored = await server.json(`${BOATS}?fieldValidation=Ignore`, post(body.replace('"a"', '"b"')));

    expect(strict.value).toMatchObject({ code: 400, reason: 'BadRequest' });
    expect(strict.value.message).toBe(
      'Boat in version "v1" cannot be handled as a Boat: strict decoding error: duplicate field "spec.text", unknown field "spec.foo"',
    );
    expect(warned.headers.warning).toBe('299 - "duplicate field \\"spec.text\\"", 299 - "unknown field \\"spec.foo\\""');
    expect(warned.value.spec).toEqual({ text: 'y' });
    expect(ignored.headers.warning).toBeUndefined();
  });

  it.each([
    ['no kind', '{"apiVersion":"example.com/v1","metadata":{"name":"a"}}', /Object 'Kind' is missing in/],
    ['another kind', '{"apiVersion":"example.com/v1","kind":"Ship","metadata":{"name":"a"}}', /Ship/],
    ['another version', '{"apiVersion":"example.com/v2","kind":"Boat","metadata":{"name":"a"}}', /example.com\/v2/],
  ])('with %s are refused', async (_title, body, message) => {
    await using server = await setUp();

    const refused = await server.json(BOATS, post(body));

    expect(refused.value).toMatchObject({ code: 400, reason: 'BadRequest', message: expect.stringMatching(message) });
  });

  it('have no protobuf form, but their metadata has', async () => {
    await using server = await setUp();
    await server.send(BOATS, post(text('a', '{}')));
    const get = (accept: string) => server.send(`${BOATS}/a`, { headers: { accept } });

    const only = await get(PROTOBUF);
    const either = await get(`${PROTOBUF},application/json`);
    const metadata = await get(`${PROTOBUF};as=PartialObjectMetadata;g=meta.k8s.io;v=v1`);
    const sent = await server.send(BOATS, post('k8s\0', PROTOBUF));

    expect(only.status).toBe(406);
    expect(either.headers['content-type']).toBe('application/json');
    expect(metadata.headers['content-type']).toContain(PROTOBUF);
    expect(sent.status).toBe(415);
  });
});
