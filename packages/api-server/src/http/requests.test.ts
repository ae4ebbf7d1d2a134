import { gunzipSync } from 'node:zlib';
import { Agent } from 'node:https';
import { ManualClock } from '@keelson/base/testing';
import { describe, expect, it } from 'vitest';
import type { PathHandler } from '../request/path-handler.ts';
import { HttpsServer } from '../test-support/https-server.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';
const PODS = '/api/v1/namespaces/default/pods';
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';
const MIB = 1024 * 1024;
const YAML = 'application/yaml';
const STRATEGIC = 'application/strategic-merge-patch+json';

const map = (name: string, data: Record<string, string> = {}) => ({ metadata: { name }, data });

/** Serves `/slow` when it is released. */
function slowPath() {
  const gate = Promise.withResolvers<void>();
  const entered = Promise.withResolvers<void>();
  const handler: PathHandler = {
    handle: async ({ path }) => {
      if (path !== '/slow') return undefined;
      entered.resolve();
      await gate.promise;
      return { type: 'content', status: 200, contentType: 'text/plain', body: 'done' };
    },
  };
  return { handler, entered: entered.promise, release: gate.resolve };
}

describe('patches', () => {
  const MERGE = 'application/merge-patch+json';
  const OPERATIONS = 'application/json-patch+json';

  it.each([
    { type: MERGE, body: '{"data":{"a":"b","a":"c"}}', fault: 'duplicate field "data.a"' },
    { type: MERGE, body: '{"dat":{"a":"b"}}', fault: 'unknown field "dat"' },
    { type: STRATEGIC, body: '{"data":{"a":"b","a":"c"}}', fault: 'duplicate field "data.a"' },
    {
      type: OPERATIONS,
      body: '[{"op":"add","path":"/data","value":{},"when":1}]',
      fault: 'json patch unknown field "[0].when"',
    },
    {
      type: OPERATIONS,
      body: '[{"op":"add","op":"add","path":"/data","value":{}}]',
      fault: 'json patch duplicate field "[0].op"',
    },
  ])('of $type are told of their faults: $fault', async ({ type, body, fault }) => {
    await using server = await HttpsServer.start();
    await server.json(MAPS, { method: 'POST', value: map('a') });
    const patch = (validation: string) =>
      server.json(`${MAPS}/a?fieldValidation=${validation}`, { method: 'PATCH', body, headers: { 'content-type': type } });

    const strict = await patch('Strict');
    const warned = await patch('Warn');
    const ignored = await patch('Ignore');

    expect(strict.value).toMatchObject({ code: 422, details: { causes: [{ field: 'patch' }] } });
    expect(strict.value.message).toMatch(new RegExp(`strict decoding error: ${RegExp.escape(fault)}$`));
    expect([warned.status, warned.headers['warning']]).toEqual([200, `299 - "${fault.replaceAll('"', '\\"')}"`]);
    expect([ignored.status, ignored.headers['warning']]).toEqual([200, undefined]);
  });
});

describe('bodies', () => {
  it.each([
    {
      title: 'JSON that breaks off',
      type: 'application/json',
      body: '{"metadata":',
      message:
        /^the object provided is unrecognized \(must be of type ConfigMap\): couldn't get version\/kind; json parse error: .*\(\{"metadata":\)$/,
    },
    {
      title: 'JSON of the wrong type',
      type: 'application/json',
      body: '[]',
      message: /^the object provided is unrecognized \(.*cannot unmarshal array .*\(5b5d\)$/,
    },
    {
      title: 'no body',
      type: 'application/json',
      body: '',
      message:
        /^the object provided is unrecognized \(must be of type ConfigMap\): .*: unexpected end of JSON input \(<empty>\)$/,
    },
    { title: 'YAML that breaks off', type: YAML, body: 'metadata: {name: [', message: /error converting YAML to JSON/ },
    {
      title: 'a wrong field type',
      type: 'application/json',
      body: '{"metadata":{"name":"a"},"data":{"a":1}}',
      message: /cannot unmarshal number into Go struct field ConfigMap.data.* of type string/,
    },
    {
      title: 'another kind',
      type: 'application/json',
      body: '{"kind":"Secret","metadata":{"name":"a"}}',
      message: /Secret in version "v1" cannot be handled as a ConfigMap/,
    },
  ])('refuses $title', async ({ type, body, message }) => {
    await using server = await HttpsServer.start();

    const { status, value } = await server.json(MAPS, { method: 'POST', body, headers: { 'content-type': type } });

    expect(status).toBe(400);
    expect(value).toMatchObject({ kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'BadRequest', code: 400 });
    expect(value.message).toMatch(message);
  });

  it.each([
    { path: MAPS, body: `{"metadata":${'['.repeat(20_000)}${']'.repeat(20_000)}}` },
    {
      path: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
      body: `{"spec":{"versions":[{"schema":{"openAPIV3Schema":${'{"not":'.repeat(9_000)}{}${'}'.repeat(9_000)}}}]}}`,
    },
  ])('refuses what nests too deep at $path', async ({ path, body }) => {
    await using server = await HttpsServer.start();

    const { status, value } = await server.json(path, { method: 'POST', body });

    expect(status).toBe(400);
    expect(value.message).toContain('exceeded max depth');
  });

  it('takes YAML', async () => {
    await using server = await HttpsServer.start();

    const body = 'metadata:\n  name: a\ndata:\n  mode: "0644"\n';
    const { status, value } = await server.json(MAPS, { method: 'POST', body, headers: { 'content-type': YAML } });

    expect(status).toBe(201);
    expect(value.data).toEqual({ mode: '0644' });
  });

  it('takes what looks like a time or a sexagesimal number in YAML for text, as Go does', async () => {
    await using server = await HttpsServer.start();

    const body =
      'metadata: {name: a}\ndata:\n  day: 2026-01-01\n  second: 2026-01-01T00:00:00Z\n  time: 12:30\n  long: 1:12:30.5\n';
    const { value } = await server.json(MAPS, { method: 'POST', body, headers: { 'content-type': YAML } });

    expect(value.data).toEqual({ day: '2026-01-01', second: '2026-01-01T00:00:00Z', time: '12:30', long: '1:12:30.5' });
  });

  it('refuses media types that it does not read', async () => {
    await using server = await HttpsServer.start();

    const body = 'a=b';
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const { status, value } = await server.json(MAPS, { method: 'POST', body, headers });

    expect(status).toBe(415);
    expect(value).toMatchObject({ reason: 'UnsupportedMediaType' });
    expect(value.message).toContain('accepted media types include: application/json, application/yaml');
  });

  it.each([
    { title: 'with its length', body: Buffer.alloc(3 * MIB + 1, 0x20) },
    { title: 'in pieces', body: [Buffer.alloc(2 * MIB, 0x20), Buffer.alloc(2 * MIB, 0x20)] },
  ])('refuses more than 3 MiB that come $title', async ({ body }) => {
    await using server = await HttpsServer.start();

    const { status, value } = await server.json(MAPS, { method: 'POST', body }).catch((error: NodeJS.ErrnoException) => ({
      // The server closes the connection; the client may notice before it has read the answer.
      status: error.code === 'EPIPE' || error.code === 'ECONNRESET' ? 413 : 0,
      value: { reason: 'RequestEntityTooLarge' },
    }));

    expect(status).toBe(413);
    expect(value.reason).toBe('RequestEntityTooLarge');
    expect((await server.json(MAPS)).status).toBe(200);
  });

  it('warns of keys that are there twice or unknown, and refuses them if told to be strict', async () => {
    await using server = await HttpsServer.start();
    const body = '{"metadata":{"name":"a"},"data":{"x":"1","x":"2"},"dota":{}}';

    const strict = await server.json(`${MAPS}?fieldValidation=Strict`, { method: 'POST', body });
    const warned = await server.json(`${MAPS}?fieldValidation=Warn`, { method: 'POST', body });
    const other = await server.json(`${MAPS}?fieldValidation=Other`, { method: 'POST', body });

    expect(strict.status).toBe(400);
    expect(strict.value.message).toContain('strict decoding error: duplicate field "data.x", unknown field "dota"');
    expect(warned).toMatchObject({ status: 201, value: { data: { x: '2' } } });
    expect(warned.headers.warning).toBe('299 - "duplicate field \\"data.x\\"", 299 - "unknown field \\"dota\\""');
    expect(other.status).toBe(422);
  });

  it('survives a client that leaves in the middle of its body', async () => {
    await using server = await HttpsServer.start();
    const agent = new Agent();
    const pending = server
      .open(MAPS, {
        method: 'POST',
        headers: { 'content-length': '1000', 'content-type': 'application/json' },
        body: '{"a"',
        agent,
      })
      .catch((error: Error) => error);
    await expect.poll(() => server.frontend.requests).toBe(1);

    agent.destroy();

    expect(await pending).toBeInstanceOf(Error);
    await expect.poll(() => server.frontend.requests).toBe(0);
    expect((await server.json(MAPS)).status).toBe(200);
  });
});

describe('methods and paths', () => {
  it.each([
    { method: 'PUT', path: MAPS, status: 405 },
    { method: 'POST', path: `${MAPS}/a`, status: 405 },
    { method: 'OPTIONS', path: MAPS, status: 405 },
    { method: 'GET', path: '/api/v1/nothing', status: 404 },
  ])('answers $method $path with $status', async ({ method, path, status }) => {
    await using server = await HttpsServer.start();

    const answer = await server.json(path, { method, ...(method === 'PUT' || method === 'POST' ? { value: map('a') } : {}) });

    expect(answer.status).toBe(status);
    expect(answer.value).toMatchObject({ kind: 'Status', status: 'Failure', code: status });
  });

  it.each(['/apis/none/v1/things', '/apis/none', '/nothing'])('has no page at %s', async (path) => {
    await using server = await HttpsServer.start();

    const { status, headers, body } = await server.send(path);

    expect([status, headers['content-type'], body.toString()]).toEqual([
      404,
      'text/plain; charset=utf-8',
      '404 page not found\n',
    ]);
  });

  it('answers HEAD as GET, without the body', async () => {
    await using server = await HttpsServer.start();

    const head = await server.send(MAPS, { method: 'HEAD' });
    const get = await server.send(MAPS);

    expect(head).toMatchObject({ status: 200, body: Buffer.alloc(0) });
    expect(head.headers['content-length']).toBe(get.headers['content-length']);
  });

  it('takes selectors of many kilobytes, over both versions of HTTP', async () => {
    await using server = await HttpsServer.start();
    const names = Array.from({ length: 4_000 }, (_, at) => `name-${at}`);
    const path = `${MAPS}?labelSelector=${encodeURIComponent(`app in (${names.join(',')})`)}`;

    const { status, value } = await server.json(path);
    const stream = server.stream(server.http2(), path);
    const headers = await new Promise((resolve) => stream.once('response', resolve));

    expect(path.length).toBeGreaterThan(40_000);
    expect(status).toBe(200);
    expect(value.items).toEqual([]);
    expect(headers).toMatchObject({ ':status': 200 });
  });

  it('answers as usual who would rather speak another protocol where there is none', async () => {
    await using server = await HttpsServer.start();

    const headers = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': '' };
    const { status, value } = await server.json(MAPS, { headers });

    expect([status, value.kind]).toEqual([200, 'ConfigMapList']);
  });

  it('refuses forms that it cannot write', async () => {
    await using server = await HttpsServer.start();

    const { status, value } = await server.json(MAPS, { headers: { accept: 'text/html' } });

    expect(status).toBe(406);
    expect(value).toMatchObject({ reason: 'NotAcceptable' });
  });
});

describe('answers', () => {
  it('compresses what is long, for those who ask', async () => {
    await using server = await HttpsServer.start();
    await server.json(MAPS, { method: 'POST', value: map('big', { a: 'x'.repeat(200_000) }) });

    const small = await server.send(`${MAPS}?limit=1&labelSelector=none`, { headers: { 'accept-encoding': 'gzip' } });
    const plain = await server.send(MAPS);
    const list = await server.send(MAPS, { headers: { 'accept-encoding': 'gzip' } });
    const one = await server.send(`${MAPS}/big`, { headers: { 'accept-encoding': 'br, gzip;q=0.5' } });

    expect(small.headers['content-encoding']).toBeUndefined();
    expect(plain.headers['content-encoding']).toBeUndefined();
    expect([list.headers['content-encoding'], one.headers['content-encoding']]).toEqual(['gzip', 'gzip']);
    expect(gunzipSync(list.body)).toEqual(plain.body);
    expect(JSON.parse(gunzipSync(one.body).toString())).toMatchObject({ metadata: { name: 'big' } });
  });

  it.each([10, 10_000])('sends words of all languages, %d of them, as they are', async (count) => {
    await using server = await HttpsServer.start();
    const text = 'grün 緑 🌱 '.repeat(count);
    await server.json(MAPS, { method: 'POST', value: map('a', { text }) });

    const { value, headers, body } = await server.json(`${MAPS}/a`);

    expect(value.data.text).toBe(text);
    expect(headers['content-length']).toBe(String(body.length));
  });

  it('keeps integers that a number cannot hold, in every form', async () => {
    await using server = await HttpsServer.start();
    const spec = { containers: [{ name: 'c', image: 'i' }] };
    const pod = JSON.stringify({ metadata: { name: 'a' }, spec }).replace(
      '"spec":{',
      '"spec":{"terminationGracePeriodSeconds":9007199254740993,',
    );
    const create = { method: 'POST', body: pod };

    const dry = await server.json(`${PODS}?dryRun=All`, create);
    const stored = await server.json(PODS, create);
    const pretty = await server.json(`${PODS}/a?pretty=1`);
    const table = await server.json(`${PODS}?includeObject=Object`, { headers: { accept: TABLE } });

    for (const { body } of [dry, stored, pretty, table]) expect(body.toString()).toContain('9007199254740993');
    expect(table.value.kind).toBe('Table');
  });

  it('has an id that the client may choose', async () => {
    await using server = await HttpsServer.start();

    const own = await server.send(MAPS);
    const given = await server.send(MAPS, { headers: { 'audit-id': 'abc' } });

    expect(own.headers['audit-id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(given.headers).toMatchObject({ 'audit-id': 'abc', 'cache-control': 'no-cache, private' });
  });

  it('refuses credentials that nobody knows', async () => {
    await using server = await HttpsServer.start();

    const { status, value } = await server.json(MAPS, { headers: { authorization: 'Bearer wrong' } });

    expect(status).toBe(401);
    expect(value).toMatchObject({ kind: 'Status', reason: 'Unauthorized' });
  });

  it('counts requests', async () => {
    await using server = await HttpsServer.start();
    const apply = { 'content-type': 'application/apply-patch+yaml' };
    await server.json(MAPS);
    await server.json(`${MAPS}/none`);
    await server.json(`${MAPS}?dryRun=All`, { method: 'POST', value: map('a') });
    await server.json(`${MAPS}/a?fieldManager=me`, { method: 'PATCH', value: map('a'), headers: apply });
    await server.json(MAPS, { method: 'DELETE' });
    const watch = await server.open(`${MAPS}?watch=1`);

    const text = (await server.send('/metrics')).body.toString();
    watch.destroy();
    const counted = [...text.matchAll(/^apiserver_request_total\{(.*)\} (\d+)$/gm)].map(([, labels]) => labels);
    const maps = (code: number, dryRun: string, rest: string) =>
      `code="${code}",component="apiserver",dry_run="${dryRun}",group="",resource="configmaps",${rest},version="v1"`;

    expect(counted).toEqual(
      expect.arrayContaining([
        maps(200, '', 'scope="namespace",subresource="",verb="LIST"'),
        maps(404, '', 'scope="resource",subresource="",verb="GET"'),
        maps(201, 'All', 'scope="namespace",subresource="",verb="POST"'),
        maps(200, '', 'scope="namespace",subresource="",verb="DELETECOLLECTION"'),
        maps(200, '', 'scope="namespace",subresource="",verb="WATCH"'),
      ]),
    );
    expect(counted.filter((labels) => labels?.includes('verb="APPLY"'))).toHaveLength(1);
    expect(text).toMatch(/apiserver_request_duration_seconds_bucket\{.*le="\+Inf"\} 1/);
    expect(text).toMatch(
      /apiserver_longrunning_requests\{component="apiserver",group="",resource="configmaps",.*verb="WATCH".*\} 1/,
    );
    expect(text).toContain('apiserver_current_inflight_requests{request_kind="readOnly"} 1');
    expect(text).toContain('apiserver_storage_objects{resource="configmaps"} 0');
    expect(text).toMatch(/process_start_time_seconds \d/);
  });

  it('counts what it does not know as one', async () => {
    await using server = await HttpsServer.start();
    for (let at = 0; at < 5; at += 1) {
      await server.send(`/none-${at}`);
      await server.send(`/api/v1/none-${at}/x`);
      await server.send(`${MAPS}/a/none-${at}`);
    }

    const text = (await server.send('/metrics')).body.toString();

    expect(text).not.toContain('none-');
    expect(text).toContain('group="",resource="",scope="",subresource="",verb="GET",version=""} 10');
  });
});

describe('load', () => {
  it('refuses requests beyond its limit, and says when to come again', async () => {
    const slow = slowPath();
    await using server = await HttpsServer.start({ http: { maxReads: 1 }, pathHandlers: [slow.handler] });
    const first = server.send('/slow');
    await slow.entered;

    const { status, headers, value } = await server.json(MAPS);
    const write = await server.json(MAPS, { method: 'POST', value: map('a') });
    slow.release();

    expect(status).toBe(429);
    expect(headers['retry-after']).toBe('1');
    expect(value).toMatchObject({ reason: 'TooManyRequests', details: { retryAfterSeconds: 1 } });
    expect(write.status).toBe(201);
    expect((await first).body.toString()).toBe('done');
    expect((await server.json(MAPS)).status).toBe(200);
  });

  it('ends a request that takes too long', async () => {
    const slow = slowPath();
    const clock = new ManualClock(Date.UTC(2026, 0, 1));
    await using server = await HttpsServer.start({ clock, pathHandlers: [slow.handler], http: { timeoutMs: 60_000 } });
    const pending = server.json('/slow');
    await slow.entered;

    await clock.advance(62_000);
    const { status, value } = await pending;
    slow.release();

    expect(status).toBe(504);
    expect(value).toMatchObject({ reason: 'Timeout', code: 504 });
  });

  it('does not wait for ever for a body that does not come', async () => {
    const clock = new ManualClock(Date.UTC(2026, 0, 1));
    await using server = await HttpsServer.start({ clock });
    const headers = { 'content-length': '1000', 'content-type': 'application/json' };
    const first = server.openUnfinished(MAPS, headers);
    const stream = server.stream(server.http2(), MAPS, { ':method': 'POST', ...headers });
    const second = new Promise((resolve) => stream.once('response', resolve));
    await expect.poll(() => server.frontend.requests).toBe(2);

    await clock.advance(62_000);

    expect((await first).statusCode).toBe(504);
    expect(await second).toMatchObject({ ':status': 504 });
    await expect.poll(() => server.frontend.requests).toBe(0);
  });

  it('answers requests on one connection in their order', async () => {
    await using server = await HttpsServer.start();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const names = Array.from({ length: 20 }, (_, at) => `m${at}`);

    const answers = await Promise.all(names.map((name) => server.json(MAPS, { method: 'POST', value: map(name), agent })));
    agent.destroy();

    expect(answers.map(({ value }) => value.metadata.name)).toEqual(names);
  });
});
