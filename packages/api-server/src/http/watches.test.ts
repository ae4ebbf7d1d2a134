import type { IncomingMessage } from 'node:http';
import { Agent } from 'node:https';
import { connect } from 'node:net';
import type { ClientHttp2Stream } from 'node:http2';
import type { KubernetesObject } from '@keelson/api';
import { ConfigMap } from '@keelson/api/core/v1';
import { createClient } from '@keelson/client';
import { ManualClock } from '@keelson/base/testing';
import { describe, expect, it } from 'vitest';
import { HttpsServer, readLines } from '../test-support/https-server.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';

async function create(server: HttpsServer, name: string): Promise<ConfigMap> {
  return createClient(server.api.transport)
    .resource(ConfigMap)
    .create({ metadata: { name, namespace: 'default' } });
}

type Open = (server: HttpsServer, path: string, headers?: Record<string, string>) => Promise<IncomingMessage | ClientHttp2Stream>;

const overHttp1: Open = (server, path, headers = {}) => server.open(path, { headers, agent: new Agent() });
const overHttp2: Open = async (server, path, headers = {}) => {
  const stream = server.stream(server.http2(), path, headers);
  await new Promise((resolve) => stream.once('response', resolve));
  return stream;
};

describe.each([
  { version: 'HTTP/1.1', open: overHttp1 },
  { version: 'HTTP/2', open: overHttp2 },
])('a watch over $version', ({ open }) => {
  it('begins with what is there and goes on with what changes', async () => {
    await using server = await HttpsServer.start();
    await create(server, 'a');
    const stream = await open(server, `${MAPS}?watch=1`);

    const [lines] = await Promise.all([readLines(stream, 2), create(server, 'b')]);

    expect(lines.map(({ type, object }) => [type, object.kind, object.metadata.name])).toEqual([
      ['ADDED', 'ConfigMap', 'a'],
      ['ADDED', 'ConfigMap', 'b'],
    ]);
  });

  it('can come as a Table, whose columns are only told once', async () => {
    await using server = await HttpsServer.start();
    await create(server, 'a');
    const stream = await open(server, `${MAPS}?watch=1`, { accept: TABLE });

    const [lines] = await Promise.all([readLines(stream, 2), create(server, 'b')]);

    expect(lines.map(({ object }) => object.kind)).toEqual(['Table', 'Table']);
    expect(lines[0].object.columnDefinitions.map(({ name }: { name: string }) => name)).toEqual(['Name', 'Data', 'Age']);
    expect(lines[1].object.columnDefinitions).toBeNull();
    expect(lines[1].object.rows[0].cells.slice(0, 2)).toEqual(['b', 0]);
  });

  it('is forgotten when the client goes', async () => {
    await using server = await HttpsServer.start();
    const stream = await open(server, `${MAPS}?watch=1`);
    await expect.poll(() => server.frontend.requests).toBe(1);

    stream.destroy();

    await expect.poll(() => server.frontend.requests).toBe(0);
  });

  it('ends by itself after its timeout', async () => {
    const clock = new ManualClock(Date.UTC(2026, 0, 1));
    await using server = await HttpsServer.start({ clock });
    const stream = await open(server, `${MAPS}?watch=1&timeoutSeconds=30&allowWatchBookmarks=true`);
    const all = readLines(stream, Number.POSITIVE_INFINITY);

    await clock.advance(31_000);

    // One where the initial events end, and one shortly before the watch does.
    expect((await all).map(({ type }) => type)).toEqual(['BOOKMARK', 'BOOKMARK']);
  });

  it('says so in the stream if it begins too far back', async () => {
    await using server = await HttpsServer.start();
    for (let at = 0; at < 1_200; at += 1) await create(server, `m-${at}`);
    const stream = await open(server, `${MAPS}?watch=1&resourceVersion=1`);

    const [line] = await readLines(stream, 1);

    expect(line).toMatchObject({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } });
  });

  it('ends cleanly when the server stops', async () => {
    await using server = await HttpsServer.start();
    const stream = await open(server, `${MAPS}?watch=1`);
    const all = readLines(stream, Number.POSITIVE_INFINITY);
    await create(server, 'a');

    await server.api.server.stop();
    await server.frontend.stop();

    expect((await all).map(({ type }) => type)).toEqual(['ADDED']);
    expect(server.frontend.requests).toBe(0);
  });
});

describe('stopping', () => {
  it('answers what is under way, and is not ready for more', async () => {
    const gate = Promise.withResolvers<void>();
    const entered = Promise.withResolvers<void>();
    const mutator = {
      name: 'Slow',
      mutate: async ({ object }: { readonly object: KubernetesObject }) => {
        if (object.metadata?.name !== 'slow') return object;
        entered.resolve();
        await gate.promise;
        return object;
      },
    };
    await using server = await HttpsServer.start({ mutators: [mutator] });
    const writing = server.json(MAPS, { method: 'POST', value: { metadata: { name: 'slow' } } });
    await entered.promise;

    const stopping = server.api.server.stop();
    const watching = server.api.transport.request({ method: 'GET', path: MAPS, query: { watch: true } });
    await expect(watching).rejects.toThrow('The API server is shutting down');
    gate.resolve();
    const { status } = await writing;
    await stopping;
    await server.frontend.stop();

    expect(status).toBe(201);
    const stored = await server.api.store.get(`/registry/configmaps/default/slow`);
    expect(stored).toBeDefined();
  });

  it('does not wait for a client that has not said anything yet', async () => {
    const server = await HttpsServer.start();
    const socket = connect(server.frontend.port, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    const closed = new Promise((resolve) => socket.once('close', resolve));

    await server[Symbol.asyncDispose]();
    await closed;

    expect(socket.destroyed).toBe(true);
  });

  it('closes connections that are kept open for later, and takes no new ones', async () => {
    const server = await HttpsServer.start();
    const agent = new Agent({ keepAlive: true });
    await server.json(MAPS, { agent });
    const session = server.http2();
    await new Promise((resolve) => session.once('connect', resolve));
    const closed = new Promise((resolve) => session.once('close', resolve));
    const { port } = server.frontend;

    await server.frontend.stop();
    await closed;

    expect(session.destroyed).toBe(true);
    await expect(fetch(`http://127.0.0.1:${port}`)).rejects.toThrow();
    await server[Symbol.asyncDispose]();
  });
});
