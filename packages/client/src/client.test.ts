import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { notFound, statusOf } from '@keelson/api';
import { Deployment } from '@keelson/api/apps/v1';
import { Node, Pod } from '@keelson/api/core/v1';
import { firstValueFrom, toArray } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createClient, httpsTransport, kubeconfigOf, parseKubeconfig, inClusterConfig, type Client } from './index.ts';

interface Seen {
  method: string;
  url: string;
  body: unknown;
  type: string | undefined;
  authorization: string | undefined;
}

describe('client over HTTP', () => {
  let server: Server;
  let client: Client;
  const seen: Seen[] = [];
  let answer: (request: IncomingMessage, response: ServerResponse) => void;
  const json =
    (code: number, body: unknown, headers: Record<string, string> = {}) =>
    (_request: IncomingMessage, response: ServerResponse) =>
      void response.writeHead(code, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));

  beforeEach(async () => {
    seen.length = 0;
    server = createServer((request, response) => {
      let text = '';
      request.on('data', (chunk: Buffer) => (text += chunk.toString()));
      request.on('end', () => {
        const { method = '', url = '', headers } = request;
        seen.push({
          method,
          url,
          body: text === '' ? undefined : JSON.parse(text),
          type: headers['content-type'],
          authorization: headers.authorization,
        });
        answer(request, response);
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    client = createClient(
      httpsTransport(
        { server: `http://127.0.0.1:${port}`, namespace: 'default', token: async () => 't0' },
        { timeoutMs: 30_000 },
      ),
    );
  });

  afterEach(async () => {
    await client.transport.close();
    server.closeAllConnections();
    server.close();
  });

  it('addresses objects by kind, namespace and name', async () => {
    answer = json(200, { kind: 'X', apiVersion: 'v1', metadata: { name: 'a' }, items: [] });

    await client.resource(Pod).get({ name: 'web', namespace: 'dev' });
    await client.resource(Node).list({ labelSelector: 'a=b', limit: 5 });
    await client.resource(Deployment).create({ metadata: { name: 'd', namespace: 'dev' } }, { dryRun: true, fieldManager: 'me' });
    await client.resource(Deployment).patchStatus({ name: 'd', namespace: 'dev' }, 'merge', { status: {} });
    await client.resource(Pod).delete({ name: 'web', namespace: 'dev' }, { gracePeriodSeconds: 0, preconditions: { uid: 'u' } });
    await client
      .resource(Pod)
      .subresource({ name: 'web', namespace: 'dev' }, { subresource: 'binding', method: 'POST', body: { target: {} } });

    expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'GET /api/v1/namespaces/dev/pods/web',
      'GET /api/v1/nodes?labelSelector=a%3Db&limit=5',
      'POST /apis/apps/v1/namespaces/dev/deployments?fieldManager=me&dryRun=All',
      'PATCH /apis/apps/v1/namespaces/dev/deployments/d/status',
      'DELETE /api/v1/namespaces/dev/pods/web',
      'POST /api/v1/namespaces/dev/pods/web/binding',
    ]);
    expect(seen[2]?.body).toMatchObject({ kind: 'Deployment', apiVersion: 'apps/v1' });
    expect(seen[3]?.type).toBe('application/merge-patch+json');
    expect(seen[4]?.body).toMatchObject({ kind: 'DeleteOptions', gracePeriodSeconds: 0, preconditions: { uid: 'u' } });
    expect(seen[0]?.authorization).toBe('Bearer t0');
  });

  it('turns a Status into an error, and nothing found into undefined', async () => {
    answer = json(404, statusOf(notFound({ group: '', resource: 'pods' }, 'web')));

    await expect(client.resource(Pod).get({ name: 'web', namespace: 'd' })).rejects.toMatchObject({
      reason: 'NotFound',
      message: 'pods "web" not found',
    });
    expect(await client.resource(Pod).find({ name: 'web', namespace: 'd' })).toBeUndefined();
  });

  it('gives the warnings of an answer', async () => {
    answer = json(200, {}, { warning: '299 - "unknown field \\"x\\"", 299 - "two"' });

    expect((await client.transport.request({ method: 'GET', path: '/x' })).warnings).toEqual(['unknown field "x"', 'two']);
  });

  it('asks again when the server is too busy', async () => {
    let calls = 0;
    answer = (request, response) =>
      json(
        calls++ === 0 ? 429 : 200,
        { metadata: { name: 'ok' } },
        calls === 1 ? { 'retry-after': '0.01' } : {},
      )(request, response);

    expect(await client.resource(Node).get({ name: 'n' })).toMatchObject({ metadata: { name: 'ok' } });
    expect(calls).toBe(2);
  });

  it('reads a watch line by line, wherever chunks end, and completes with it', async () => {
    answer = (_request, response) => {
      const text = `{"type":"ADDED","object":{"metadata":{"name":"é"}}}\n{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"7"}}}\n`;
      const bytes = Buffer.from(text);
      response.write(bytes.subarray(0, 41));
      setImmediate(() => response.end(bytes.subarray(41)));
    };

    const events = (await firstValueFrom(client.resource(Pod).watch().pipe(toArray()))).flat();

    expect(events).toEqual([
      { type: 'ADDED', object: { metadata: { name: 'é' } } },
      { type: 'BOOKMARK', object: { metadata: { resourceVersion: '7' } } },
    ]);
    expect(Object.isFrozen(events[0]?.object.metadata)).toBe(true);
  });

  it('ends a watch with the error that the server sends in it, or that broke it', async () => {
    answer = (_request, response) =>
      void response.end(`{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}\n`);
    await expect(firstValueFrom(client.resource(Pod).watch())).rejects.toMatchObject({ reason: 'Expired', code: 410 });

    answer = (_request, response) => {
      response.write('{"type":');
      setImmediate(() => response.destroy());
    };
    await expect(firstValueFrom(client.resource(Pod).watch())).rejects.toMatchObject({ reason: 'ServiceUnavailable' });
  });

  it('says that a server cannot be reached, or does not answer', async () => {
    answer = () => undefined;
    const slow = createClient(
      httpsTransport({ server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, namespace: '' }, { timeoutMs: 50 }),
    );
    const nobody = createClient(httpsTransport({ server: 'http://127.0.0.1:1', namespace: '' }));

    await expect(slow.resource(Node).get({ name: 'n' })).rejects.toMatchObject({ reason: 'Timeout' });
    await expect(nobody.resource(Node).get({ name: 'n' })).rejects.toMatchObject({ reason: 'ServiceUnavailable' });
  });
});

describe('kubeconfig', () => {
  it('reads what it writes', () => {
    const config = parseKubeconfig(
      kubeconfigOf('keelson', { server: 'https://127.0.0.1:6443', ca: 'CA', certificate: 'CERT', privateKey: 'KEY' }),
    );

    expect(config).toEqual({
      server: 'https://127.0.0.1:6443',
      namespace: 'default',
      ca: 'CA',
      certificate: 'CERT',
      privateKey: 'KEY',
    });
  });

  it.each([
    ['{', 'not valid YAML'],
    ['[]', 'no object'],
    ['current-context: x', 'there is no "x" in contexts'],
    ['current-context: x\ncontexts: [{name: x, context: {cluster: y}}]', 'there is no "y" in clusters'],
    ['current-context: x\ncontexts: [{name: x, context: {cluster: y}}]\nclusters: [{name: y, cluster: {}}]', 'has no server'],
  ])('says what is wrong with %s', (text, message) => {
    expect(() => parseKubeconfig(text)).toThrow(message);
  });

  it('runs credential plugins and reads the files of a pod', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'keelson-client-'));
    for (const [file, text] of Object.entries({ token: 'abc\n', namespace: 'ns', 'ca.crt': 'CA' }))
      writeFileSync(join(directory, file), text);
    const inside = inClusterConfig({ KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443' }, directory);
    const plugin = `{"status":{"token":"from-plugin"}}`;
    const text = JSON.stringify({
      'current-context': 'x',
      contexts: [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
      clusters: [{ name: 'x', cluster: { server: 'https://x' } }],
      users: [{ name: 'x', user: { exec: { command: 'echo', args: [plugin] } } }],
    });

    expect([inside.server, inside.namespace, await inside.token?.()]).toEqual(['https://10.96.0.1:443', 'ns', 'abc']);
    expect(await parseKubeconfig(text).token?.()).toBe('from-plugin');
    rmSync(directory, { recursive: true });
    expect(() => inClusterConfig({}, directory)).toThrow('Not in a cluster');
  });
});
