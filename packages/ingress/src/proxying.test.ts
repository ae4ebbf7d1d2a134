import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { createServer } from 'node:http';
import { IngressWorld, portOf } from './testing/world.ts';

const HOST = 'shop.example';

describe('what goes through', () => {
  let world: IngressWorld;
  const post = (path: string) =>
    request({ host: '127.0.0.1', port: world.httpPort, method: 'POST', path, headers: { host: HOST } });
  const lastEntry = async (path: string) => {
    await expect.poll(() => world.log.some(({ target }) => target === path)).toBe(true);
    return world.log.findLast(({ target }) => target === path);
  };

  beforeAll(async () => {
    world = await IngressWorld.up({ maxHeaderBytes: 16 * 1024 });
    await world.certificate('shop', [HOST]);
    const paths = ['/echo', '/ws', '/grpc', '/breaks', '/stream', '/sink', '/count', '/abort'];
    await world.route(HOST, Object.fromEntries(paths.map((path) => [path, path.slice(1)])), {
      tls: [{ hosts: [HOST], secretName: 'shop' }],
    });
  });

  afterAll(() => world[Symbol.asyncDispose]());
  beforeEach(() => world.log.splice(0));

  const ready = (path: string): Promise<void> =>
    expect.poll(async () => (await world.get(HOST, path, { method: 'OPTIONS' })).status).not.toBe(503);

  it('keeps method, headers, body and status as they are', async () => {
    await world.service('echo', [
      (incoming, response) => {
        response.setHeader('Set-Cookie', ['a=1', 'b=2']);
        response.writeHead(201, 'Made');
        response.write(JSON.stringify({ method: incoming.method, headers: incoming.headers }));
        incoming.pipe(response);
      },
    ]);
    await ready('/echo');
    const outgoing = post('/echo');
    outgoing.setHeader('X-Mine', 'yes');
    outgoing.write('in ');
    outgoing.end('pieces');
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    const body = await text(response);

    expect([response.statusCode, response.headers['set-cookie']]).toEqual([201, ['a=1', 'b=2']]);
    expect(body).toMatch(/in pieces$/);
    expect(body).toContain('"method":"POST"');
    expect(body).toContain('"x-mine":"yes"');
    expect(body).toContain('"x-forwarded-for":"127.0.0.1"');
    expect(body).toContain(`"host":"${HOST}"`);
    expect((await world.get(HOST, '/echo', { method: 'HEAD' })).body).toBe('');
    expect(await lastEntry('/echo')).toMatchObject({ ingress: `default/${HOST}`, backend: 'default/echo:80', status: 201 });
  });

  it('speaks HTTP/2 in front, with bodies both ways', async () => {
    await ready('/echo');
    const session = connectHttp2(`https://127.0.0.1:${world.httpsPort}`, { ca: world.authority.certificate, servername: HOST });
    const stream = session.request({ ':method': 'POST', ':path': '/echo', ':authority': HOST, cookie: ['a=1', 'b=2'] });
    stream.end('over two');
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
    const body = await text(stream);
    session.close();

    expect([headers[':status'], headers['set-cookie']]).toEqual([201, ['a=1', 'b=2']]);
    expect(body).toMatch(/over two$/);
    expect(body).toContain('"cookie":"a=1; b=2"');
    expect(body).toContain('"x-forwarded-proto":"https"');
    expect(await lastEntry('/echo')).toMatchObject({ protocol: 'HTTP/2.0' });
  });

  it('passes answers on while they come', async () => {
    let finish = (): void => undefined;
    await world.service('stream', [
      (_incoming, response) => {
        response.write('first');
        finish = () => response.end('second');
      },
    ]);
    await expect.poll(async () => (await world.get(HOST, '/nothing')).status).toBe(404);
    let response: IncomingMessage | undefined;
    await expect
      .poll(async () => {
        const outgoing = post('/stream');
        outgoing.end();
        [response] = (await once(outgoing, 'response')) as [IncomingMessage];
        return response.statusCode;
      })
      .toBe(200);
    const [first] = (await once(response as IncomingMessage, 'data')) as [Buffer];

    expect(String(first)).toBe('first');
    finish();
    expect(await text(response as IncomingMessage)).toBe('second');
  });

  it('holds clients back that send more than the backend reads', async () => {
    let reads: IncomingMessage | undefined;
    await world.service('sink', [
      (incoming, response) => {
        if (incoming.method === 'OPTIONS') return void response.end();
        reads = incoming;
        incoming.once('end', () => response.end('all'));
      },
    ]);
    await ready('/sink');
    const outgoing = post('/sink');
    const block = Buffer.alloc(64 * 1024);
    let sent = 0;
    while (sent < 1_024 && (outgoing.write(block) || (await drained(outgoing)))) sent += 1;

    expect(sent).toBeLessThan(512);
    await expect.poll(() => reads?.resume()).toBeDefined();
    outgoing.end();
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    expect(await text(response)).toBe('all');
  });

  it('joins WebSockets, with and without TLS', async () => {
    const server = createServer((_incoming, response) => response.writeHead(426).end());
    const sockets = new WebSocketServer({ server });
    sockets.on('connection', (socket, incoming) =>
      socket.on('message', (data) => socket.send(`${String(data)} ${incoming.headers['x-forwarded-proto']}`)),
    );
    await world.listen(server);
    await world.expose('ws', [portOf(server)]);
    await expect.poll(async () => (await world.get(HOST, '/ws')).status).toBe(426);

    for (const [scheme, port] of [
      ['ws', world.httpPort],
      ['wss', world.httpsPort],
    ] as const) {
      const options = { headers: { host: HOST }, servername: HOST, ca: world.authority.certificate };
      const socket = new WebSocket(`${scheme}://127.0.0.1:${port}/ws`, options);
      await once(socket, 'open');
      socket.send('hello');
      const [message] = (await once(socket, 'message')) as [Buffer];
      expect(String(message)).toBe(`hello ${scheme === 'ws' ? 'http' : 'https'}`);
      socket.close();
      await once(socket, 'close');
    }
    expect(await lastEntry('/ws')).toMatchObject({ status: 101 });
    for (const client of sockets.clients) client.terminate();
  });

  it('passes the answer of a backend that changes no protocol', async () => {
    await ready('/echo');
    const socket = new WebSocket(`ws://127.0.0.1:${world.httpPort}/echo`, { headers: { host: HOST } });
    const [error] = (await once(socket, 'error')) as [Error];

    expect(error.message).toBe('Unexpected server response: 201');
  });

  it('carries gRPC: HTTP/2 to the backend, streams both ways, trailers', async () => {
    await world.http2Service('grpc', (stream, headers) => {
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc', te: String(headers['te']) },
        { waitForTrailers: true },
      );
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '7', 'grpc-message': 'no' }));
      stream.pipe(stream);
    });
    const session = connectHttp2(`https://127.0.0.1:${world.httpsPort}`, { ca: world.authority.certificate, servername: HOST });
    await expect.poll(async () => (await world.get(HOST, '/grpc')).status).toBe(200);
    const stream = session.request({ ':method': 'POST', ':path': '/grpc/Method', ':authority': HOST, te: 'trailers' });
    const trailers = once(stream, 'trailers');
    stream.write('ping');
    const [first] = (await once(stream, 'data')) as [Buffer];
    stream.end();
    stream.resume();

    expect(String(first)).toBe('ping');
    expect((await trailers)[0]).toMatchObject({ 'grpc-status': '7', 'grpc-message': 'no' });
    session.close();
  });

  it('answers 504 when a backend says nothing', async () => {
    await using hasty = await IngressWorld.up({ idleTimeoutMs: 500 });
    await hasty.service('silent', [() => undefined]);
    await hasty.route(HOST, { '/': 'silent' });

    await expect.poll(async () => (await hasty.get(HOST)).status).toBe(504);
  });

  it('answers 502 when a backend hangs up, and breaks off what it does not get whole', async () => {
    await world.service('breaks', [
      (incoming, response) => {
        if (incoming.url === '/breaks') return void incoming.socket.destroy();
        response.writeHead(200, { 'content-length': '100' });
        response.write('half');
        setImmediate(() => incoming.socket.destroy());
      },
    ]);

    await expect.poll(async () => (await world.get(HOST, '/breaks')).status).toBe(502);
    await expect(world.get(HOST, '/breaks/late')).rejects.toThrow(/aborted/);
  });

  it('tells the backend when the client has left', async () => {
    const left = Promise.withResolvers<void>();
    await world.service('abort', [
      (incoming, response) => {
        if (incoming.method === 'OPTIONS') return void response.end();
        outgoing.destroy();
        incoming.once('close', () => left.resolve());
      },
    ]);
    await ready('/abort');
    const outgoing = post('/abort/now');
    outgoing.on('error', () => undefined);
    outgoing.write('x');
    await left.promise;

    expect(await lastEntry('/abort/now')).toMatchObject({ status: 499 });
  });

  it('uses connections to backends again', async () => {
    let connections = 0;
    const [server] = await world.service('count', [(_incoming, response) => response.end()]);
    server?.on('connection', () => (connections += 1));
    await ready('/count');
    for (let count = 0; count < 20; count += 1) await world.get(HOST, '/count');

    expect(connections).toBeLessThanOrEqual(2);
  });

  it.each([
    { what: 'too many headers', send: `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, status: 431 },
    { what: 'no host', send: 'GET / HTTP/1.1\r\n\r\n', status: 400 },
    { what: 'a host that is none', send: 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n', status: 400 },
    {
      what: 'two lengths of a body',
      send: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      status: 400,
    },
  ])('refuses $what with $status', async ({ send, status }) => {
    const socket = connect(world.httpPort, '127.0.0.1');
    socket.write(send);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();

    expect(String(answer)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });
});

async function drained(outgoing: ReturnType<typeof request>): Promise<boolean> {
  return Promise.race([
    once(outgoing, 'drain').then(() => true),
    new Promise<boolean>((resolve) => void setTimeout(resolve, 300, false)),
  ]);
}
