import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EngineClient, isOlder } from './engine-client.ts';

describe('EngineClient', () => {
  const directory = mkdtempSync(join(tmpdir(), 'engine-'));
  const path = join(directory, 'docker.sock');
  const paths: string[] = [];
  let server: Server;
  let client: EngineClient;
  let minVersion = '1.12';
  let respond: RequestListener;

  const listen = async () => {
    server = createServer((request, response) => {
      paths.push(request.url ?? '');
      if (request.url === '/version') response.end(JSON.stringify({ ApiVersion: '1.52', MinAPIVersion: minVersion }));
      else respond(request, response);
    });
    await once(server.listen(path), 'listening');
  };
  const unlisten = async () => {
    server.close().closeAllConnections();
    await once(server, 'close');
  };

  beforeEach(async () => {
    paths.length = 0;
    minVersion = '1.12';
    respond = (_request, response) => void response.end('{"ok":true}');
    await listen();
    client = new EngineClient({ type: 'unix', path }, 30_000);
  });
  afterAll(() => rmSync(directory, { recursive: true }));
  afterEach(async () => {
    client.close();
    await unlisten();
    rmSync(path, { force: true });
  });

  it.each([
    { min: '1.12', want: '/v1.41/info' },
    { min: '1.44', want: '/v1.44/info' },
  ])('speaks $want with an engine whose oldest version is $min', async ({ min, want }) => {
    minVersion = min;

    await client.json({ method: 'GET', path: '/info' });
    await client.json({ method: 'GET', path: '/info' });

    expect(paths).toEqual(['/version', want, want]);
  });

  it.each([
    { status: 400, reason: 'BadRequest' },
    { status: 404, reason: 'NotFound' },
    { status: 409, reason: 'Conflict' },
    { status: 500, reason: 'InternalError' },
    { status: 503, reason: 'ServiceUnavailable' },
  ])('rejects $status as $reason, with the engine’s words', async ({ status, reason }) => {
    respond = (_request, response) => void response.writeHead(status).end('{"message":"no such thing\\n"}');

    await expect(client.json({ method: 'GET', path: '/x' })).rejects.toMatchObject({ reason, message: 'no such thing' });
    await expect(client.hijack({ method: 'POST', path: '/x' })).rejects.toMatchObject({ reason, message: 'no such thing' });
  });

  it('gives up on an engine that does not answer', async () => {
    respond = () => undefined;

    await expect(client.json({ method: 'GET', path: '/info', timeoutMs: 150 })).rejects.toMatchObject({
      reason: 'ServiceUnavailable',
      message: `The Docker engine at unix://${path} does not answer GET /info: no answer within 0.15 s`,
    });
  });

  it('stops waiting when told to', async () => {
    respond = () => undefined;
    const call = client.json({ method: 'GET', path: '/info', timeoutMs: 0, signal: AbortSignal.timeout(30) });

    await expect(call).rejects.toMatchObject({ name: 'TimeoutError' });
  });

  it('goes on when the engine is back, in its new version', async () => {
    await client.json({ method: 'GET', path: '/info' });
    await unlisten();
    await expect(client.json({ method: 'GET', path: '/info' })).rejects.toMatchObject({ reason: 'ServiceUnavailable' });
    minVersion = '1.44';
    await listen();

    await client.json({ method: 'GET', path: '/info' });

    expect(paths.at(-1)).toBe('/v1.44/info');
  });

  it('lets streams be silent for longer than an answer may take', async () => {
    respond = (_request, response) => void response.write('first\n');
    server.on('upgrade', (_request, socket: Duplex) => {
      socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n');
      setTimeout(() => socket.end('late'), 2_500);
    });
    const stream = await client.open({ method: 'GET', path: '/logs', isLong: true, timeoutMs: 2_000 });

    const late = await text(await client.hijack({ method: 'POST', path: '/exec', timeoutMs: 2_000 }));

    expect(late).toBe('late');
    expect(stream.destroyed).toBe(false);
    stream.destroy();
  });

  it('lets no long call hold up others', async () => {
    respond = (request, response) => void (request.url?.includes('long') ? response.write('{}') : response.end('{}'));
    const long = await Promise.all(
      Array.from({ length: 100 }, () => client.open({ method: 'GET', path: '/long', isLong: true })),
    );

    await client.json({ method: 'GET', path: '/info' });

    for (const stream of long) stream.destroy();
  });
});

it.each([
  { version: '1.41', than: '1.44', want: true },
  { version: '1.41', than: '1.41', want: false },
  { version: '1.41', than: '1.9', want: false },
  { version: '1.41', than: '2.0', want: true },
])('$version is older than $than: $want', ({ version, than, want }) => {
  expect(isOlder(version, than)).toBe(want);
});
