import { createServer, type Server } from 'node:http';
import { createServer as createHttp2, type ServerHttp2Stream } from 'node:http2';
import { createServer as createTcp } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { SystemClock, type Clock } from '@keelson/base';
import { ManualClock } from '@keelson/base/testing';
import type { LifecycleHandler, Probe } from '@keelson/api/core/v1';
import { MemoryRuntime } from '../testing/memory-runtime.ts';
import { dialer } from './connection.ts';
import { runHook } from './hooks.ts';
import { runProbe } from './probe-actions.ts';
import { initialState, nextState, type ProbeResult, type ProbeType } from './probe-state.ts';

describe('nextState', () => {
  const results = (type: ProbeType, probe: Probe, outcomes: string): string => {
    const words: Record<string, ProbeResult> = { s: 'success', f: 'failure', u: 'unknown' };
    let state = initialState(type);
    return Array.from(outcomes)
      .map((letter) => ((state = nextState(state, type, probe, words[letter] ?? 'unknown')), state.result[0]))
      .join('');
  };

  it.each<{ type: ProbeType; probe: Probe; outcomes: string; want: string }>([
    { type: 'readiness', probe: {}, outcomes: 'fsffsfff', want: 'fssssssf' },
    { type: 'readiness', probe: { successThreshold: 2, failureThreshold: 1 }, outcomes: 'sssfss', want: 'fssffs' },
    { type: 'liveness', probe: {}, outcomes: 'ffsff', want: 'sssss' },
    { type: 'liveness', probe: { failureThreshold: 2 }, outcomes: 'ffss', want: 'sfff' },
    { type: 'startup', probe: { failureThreshold: 2 }, outcomes: 'fs', want: 'us' },
    { type: 'startup', probe: { failureThreshold: 2 }, outcomes: 'ffs', want: 'uff' },
    { type: 'liveness', probe: { failureThreshold: 2 }, outcomes: 'fuf', want: 'ssf' },
  ])('$type $outcomes gives $want', ({ type, probe, outcomes, want }) => {
    expect(results(type, probe, outcomes)).toBe(want);
  });
});

describe('runProbe', () => {
  const opened: { close(): void; closeAllConnections?(): void }[] = [];
  afterEach(() => opened.splice(0).forEach((server) => (server.closeAllConnections?.(), server.close())));

  async function listen(server: {
    listen(port: number, host: string): unknown;
    address(): unknown;
    close(): void;
  }): Promise<number> {
    opened.push(server as Server);
    server.listen(0, '127.0.0.1');
    await once(server as Server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  async function probe(wanted: Probe, podNetwork = true, clock: Clock = new SystemClock()) {
    const runtime = new MemoryRuntime(new ManualClock());
    const endpoint = { sandboxId: 's', ip: '127.0.0.1', hostNetwork: false };
    const target = { container: { name: 'c', ports: [] }, containerId: 'c0', endpoint };
    return runProbe(
      { timeoutSeconds: 30, ...wanted },
      target,
      { runtime, clock, dial: dialer(runtime, () => podNetwork) },
      new AbortController().signal,
    );
  }

  it.each([
    { code: 200, result: 'success' },
    { code: 399, result: 'success' },
    { code: 400, result: 'failure' },
    { code: 503, result: 'failure' },
  ])('judges HTTP status $code as $result', async ({ code, result }) => {
    const port = await listen(createServer((_request, response) => response.writeHead(code).end('x')));

    expect((await probe({ httpGet: { port, path: '/ok' } })).result).toBe(result);
    expect((await probe({ httpGet: { port, path: '/ok' } }, false)).result).toBe(result);
  });

  it('follows redirects on the same host, and passes others with a warning', async () => {
    const port = await listen(
      createServer((request, response) => {
        const location = request.url === '/away' ? 'http://example.com/' : '/end';
        if (request.url === '/end') response.writeHead(500).end();
        else response.writeHead(302, { location }).end();
      }),
    );

    expect((await probe({ httpGet: { port, path: '/here' } })).result).toBe('failure');
    expect(await probe({ httpGet: { port, path: '/away' } })).toMatchObject({ result: 'success', warning: true });
  });

  it('fails when nobody listens', async () => {
    const port = await listen(createTcp(() => undefined));

    expect(await probe({ tcpSocket: { port } })).toMatchObject({ result: 'success' });
    expect(await probe({ tcpSocket: { port: 1 } })).toEqual({
      result: 'failure',
      output: 'dial tcp 127.0.0.1:1: connect: connection refused',
    });
    expect(await probe({ httpGet: { port: 1, path: 'x' } })).toEqual({
      result: 'failure',
      output: 'Get "http://127.0.0.1:1/x": dial tcp 127.0.0.1:1: connect: connection refused',
    });
  });

  it('fails when nobody answers in time', async () => {
    const asked = Promise.withResolvers<void>();
    const port = await listen(createTcp((socket) => socket.once('data', () => asked.resolve())));
    const clock = new ManualClock();

    const probing = probe({ httpGet: { port }, timeoutSeconds: 3 }, true, clock);
    await asked.promise;
    await clock.advance(3000);

    expect(await probing).toEqual({
      result: 'failure',
      output: `Get "http://127.0.0.1:${port}/": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`,
    });
  });

  it('goes no further than ten redirects, and to other ports of the host too', async () => {
    const end = await listen(createServer((_request, response) => response.end('there')));
    const port = await listen(
      createServer((request, response) => {
        const location = request.url === '/round' ? '/round' : `http://127.0.0.1:${end}/`;
        response.writeHead(302, { location }).end();
      }),
    );

    expect(await probe({ httpGet: { port, path: '/round' } })).toMatchObject({
      result: 'failure',
      output: `Get "http://127.0.0.1:${port}/round": stopped after 10 redirects`,
    });
    expect(await probe({ httpGet: { port, path: '/over' } })).toEqual({ result: 'success', output: 'there' });
  });

  it('sends the headers that it is told to: several of one name, and none of the usual ones that are set to nothing', async () => {
    let seen: readonly string[] = [];
    const port = await listen(
      createServer(({ rawHeaders }, response) => {
        seen = rawHeaders.map((word) => word.toLowerCase());
        response.end();
      }),
    );
    const httpHeaders = [
      { name: 'X-A', value: '1' },
      { name: 'X-A', value: '2' },
      { name: 'Host', value: 'shop.example' },
      { name: 'Accept', value: '' },
    ];

    await probe({ httpGet: { port, httpHeaders } });

    expect(seen.join(' ')).toMatch(/x-a 1 x-a 2/);
    expect(seen.join(' ')).toMatch(/host shop\.example/);
    expect(seen).toContain('kube-probe/1.36');
    expect(seen).not.toContain('accept');
  });

  it.each([
    { status: 1, result: 'success', output: 'service healthy' },
    { status: 2, result: 'failure', output: 'service unhealthy (responded with "NOT_SERVING")' },
  ])('judges gRPC health $status as $result', async ({ status, result, output }) => {
    const server = createHttp2();
    server.on('stream', (stream: ServerHttp2Stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(Buffer.from([0, 0, 0, 0, 2, 8, status]));
    });
    const port = await listen(server);

    expect(await probe({ grpc: { port } })).toEqual({ result, output });
    expect(await probe({ grpc: { port } }, false)).toEqual({ result, output });
  });

  it('says what a gRPC server lacks, and that there is none', async () => {
    const server = createHttp2();
    server.on('stream', (stream: ServerHttp2Stream) =>
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '12', 'grpc-message': 'no' },
        { endStream: true },
      ),
    );
    const port = await listen(server);

    expect(await probe({ grpc: { port } })).toEqual({
      result: 'failure',
      output: 'error: this server does not implement the grpc health protocol (grpc.health.v1.Health): no',
    });
    expect(await probe({ grpc: { port: 1 } })).toEqual({
      result: 'failure',
      output: 'error: failed to connect service at "127.0.0.1:1": dial tcp 127.0.0.1:1: connect: connection refused',
    });
  });

  it('fails a hook that is a tcpSocket, and takes any answer to an httpGet', async () => {
    const port = await listen(createServer((_request, response) => response.writeHead(500).end()));
    const clock = new SystemClock();
    const runtime = new MemoryRuntime(new ManualClock());
    const endpoint = { sandboxId: 's', ip: '127.0.0.1', hostNetwork: false };
    const deps = { runtime, clock, dial: dialer(runtime, () => true) };
    const run = (handler: LifecycleHandler) =>
      runHook(handler, { container: { name: 'c' }, containerId: 'c0', endpoint }, deps, {
        timeoutMs: 30_000,
        signal: new AbortController().signal,
      });

    await run({ httpGet: { port } });
    await expect(run({ tcpSocket: { port } })).rejects.toThrow('invalid handler');
  });
});
