import type { Logger } from '@keelson/base';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostileRequest, type HostileRequest } from '../test-support/fuzz/hostile-requests.ts';
import { sendRaw, type RawAnswer } from '../test-support/fuzz/raw-http.ts';
import { Random } from '../test-support/fuzz/random.ts';
import { startTestApiServer, type TestApiServer } from '../testing.ts';

// A longer run: `tools/fuzz`.
const RUNS = Number(process.env['KEELSON_FUZZ_RUNS'] ?? 1_500);
const SEED = Number(process.env['KEELSON_FUZZ_SEED'] ?? 36);

let api: TestApiServer;
let port: number;
const complaints: string[] = [];
/** The one refusal that Kubernetes gives this code too, and clients know it by. */
const AS_UPSTREAM = /failed to create typed patch object/;

beforeAll(async () => {
  const logger: Logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: complain,
    child: () => logger,
  };
  api = await startTestApiServer({ http: true, logger });
  port = Number(new URL(api.url ?? '').port);
});

afterAll(() => api.close());

function complain(message: string, fields?: object): void {
  complaints.push(`${message} ${JSON.stringify(fields)}`);
}

function wireOf({ method, target, headers, body }: HostileRequest): Buffer {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const watch = target.includes('watch=') ? '&timeoutSeconds=1' : '';
  const head = `${method} ${target}${watch} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${lines}Content-Length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), body]);
}

async function ask(request: HostileRequest): Promise<RawAnswer> {
  return sendRaw(port, [wireOf(request)]);
}

async function isAlive(): Promise<boolean> {
  const { status } = await sendRaw(port, ['GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n']);
  return status === 200;
}

describe('a server that is sent anything', () => {
  it(`answers ${RUNS} hostile requests, never with 500`, { timeout: 120_000 + RUNS * 100 }, async () => {
    const failures = new Map<string, string>();
    for (let run = 0; run < RUNS; run += 1) {
      const request = hostileRequest(new Random(SEED * 1_000_003 + run));
      const { status, text } = await ask(request).catch((error: Error) => ({ status: -1, text: error.message }));
      if ((status >= 200 && status !== 500) || AS_UPSTREAM.test(text)) continue;
      const why = complaints.at(-1) ?? text.slice(-300);
      // One of each kind is enough to see.
      failures.set(
        why.slice(why.indexOf('error":'), why.indexOf('error":') + 250),
        describeFailure(run, status, { request, why }),
      );
    }

    expect([...failures.values()].join('\n\n')).toBe('');
    expect(await isAlive()).toBe(true);
  });

  it('answers or hangs up on what is no HTTP', async () => {
    const random = new Random(SEED);
    for (let run = 0; run < 200; run += 1) {
      const head = Buffer.from(random.pick(['', 'GET ', 'POST /api HTTP/1.1\r\n', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n']));
      const { status } = await sendRaw(port, [Buffer.concat([head, random.bytes(random.below(200)), Buffer.from('\r\n\r\n')])], {
        ends: true,
      });
      expect([0, 400, 404, 405, 505]).toContain(status);
    }

    expect(await isAlive()).toBe(true);
  });

  it.each([
    ['a header of a megabyte', `X-Long: ${'x'.repeat(1024 * 1024)}`, 431],
    ['ten thousand headers', Array.from({ length: 10_000 }, (_, at) => `X-${at}: x`).join('\r\n'), 431],
    ['a long list of what it accepts', `Accept: ${'a/b;q=0.1,'.repeat(20_000)}*/*`, 200],
    ['a header that ends nowhere', 'X-Broken', 400],
    ['two lengths', 'Content-Length: 1\r\nContent-Length: 2', 400],
    ['a length and chunks', 'Content-Length: 1\r\nTransfer-Encoding: chunked', 400],
    ['a length that is none', 'Content-Length: -1', 400],
    ['a wish for another protocol', 'Connection: Upgrade\r\nUpgrade: SPDY/3.1', 200],
    ['an unknown expectation', 'Expect: 200-maybe', 417],
  ])('takes %s', async (_title, header, expected) => {
    const { status } = await sendRaw(port, [`GET ${MAPS} HTTP/1.1\r\nHost: x\r\n${header}\r\nConnection: close\r\n\r\n`]);

    expect(status).toBe(expected);
    expect(await isAlive()).toBe(true);
  });

  it.each([
    ['deep lists', `{"metadata":{"name":"a"},"data":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 400],
    ['deep objects', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`, 400],
    ['a hundred thousand finalizers', JSON.stringify({ metadata: { name: 'many', finalizers: numbered('a/x') } }), 413],
    [
      'a hundred thousand owners',
      JSON.stringify({ metadata: { name: 'a', ownerReferences: numbered('x').map((uid) => ({ uid })) } }),
      422,
    ],
    ['huge numbers', `{"metadata":{"name":"a","generation":${'9'.repeat(10_000)}}}`, 400],
    ['numbers beyond all', '{"metadata":{"name":"a","generation":1e400}}', 400],
    ['a key for the prototype', '{"metadata":{"name":"proto","labels":{"__proto__":"x"}},"__proto__":{"data":1}}', 422],
    ['a key for the prototype of data', '{"metadata":{"name":"proto"},"data":{"__proto__":"x","constructor":"y"}}', 201],
    [
      'bytes that are no text',
      Buffer.concat([Buffer.from('{"metadata":{"name":"'), Buffer.from([0xff, 0xfe, 0x80]), Buffer.from('"}}')]),
      422,
    ],
    ['half of a character', '{"metadata":{"name":"half"},"data":{"a":"\\ud800"}}', 201],
    ['a string that is no object', '"ConfigMap"', 400],
    ['nothing but space', ' '.repeat(1024 * 1024), 400],
  ])('takes %s', async (_title, body, expected) => {
    const headers = [['Content-Type', 'application/json']] as const;
    const { status, text } = await ask({ method: 'POST', target: MAPS, headers, body: Buffer.from(body) });

    expect(`${status} ${status === expected ? '' : text}`).toBe(`${expected} `);
    expect(Object.prototype).not.toHaveProperty('data');
    expect(await isAlive()).toBe(true);
  });

  it('finds a patch that copies itself too large', async () => {
    await ask({
      method: 'POST',
      target: MAPS,
      headers: [],
      body: Buffer.from('{"metadata":{"name":"grow"},"data":{"x":"0123456789"}}'),
    });
    const operations = Array.from({ length: 40 }, (_, at) => ({ op: 'copy', from: '/data', path: `/data/y${at}` }));

    const { status } = await ask({
      method: 'PATCH',
      target: `${MAPS}/grow`,
      headers: [['Content-Type', 'application/json-patch+json']],
      body: Buffer.from(JSON.stringify(operations)),
    });

    expect(status).toBe(422);
    expect(await isAlive()).toBe(true);
  });

  // Each of these was answered with 500 once.
  it.each([
    ['services', { spec: { clusterIP: 'a.b/c', clusterIPs: ['v1', 'Always'] } }, 422],
    ['services', { spec: { clusterIP: '1.2.3', clusterIPs: ['1.2.3'] } }, 422],
    ['pods', { spec: { volumes: [{}], initContainers: [{ name: 'a' }] } }, 422],
    ['pods', { spec: { containers: [{ name: 'a' }], affinity: { podAffinity: { [PREFERRED]: [{ weight: 1 }] } } } }, 422],
    ['replicationcontrollers', { spec: { template: { spec: { affinity: { podAffinity: { [PREFERRED]: [{}] } } } } } }, 422],
  ])('judges %s that lack what they need: %j', async (resource, parts, expected) => {
    const body = Buffer.from(JSON.stringify({ metadata: { name: 'lacking' }, ...parts }));

    const { status, text } = await ask({ method: 'POST', target: `/api/v1/namespaces/default/${resource}`, headers: [], body });

    expect(`${status} ${status === expected ? '' : text}`).toBe(`${expected} `);
  });

  it('does not wait for chunks without end', async () => {
    function* endless(): Generator<string> {
      yield `POST ${MAPS} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n`;
      for (let sent = 0; sent < 400; sent += 1) yield `4000\r\n${' '.repeat(0x4000)}\r\n`;
    }

    const { status } = await sendRaw(port, endless());

    expect([0, 413]).toContain(status);
    expect(await isAlive()).toBe(true);
  });

  it('survives handshakes that break off', async () => {
    const random = new Random(SEED);
    const wishes = ['SPDY/3.1', 'websocket', 'x'];
    for (let run = 0; run < 60; run += 1) {
      const upgrade = random.pick(wishes as [string, ...string[]]);
      const path = `/api/v1/namespaces/default/pods/a/${random.pick(['exec', 'attach', 'portforward', 'proxy', 'log'])}?command=x`;
      const protocol = `X-Stream-Protocol-Version: ${random.pick(['v4.channel.k8s.io', 'x', ''])}`;
      const key = `Sec-WebSocket-Key: ${random.pick(['dGhlIHNhbXBsZSBub25jZQ==', 'x', ''])}\r\nSec-WebSocket-Version: ${random.below(20)}`;
      const head = `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: ${upgrade}\r\n${protocol}\r\n${key}\r\n\r\n`;

      const { status } = await sendRaw(port, [head, random.bytes(50)], { ends: true });

      expect([0, 400, 403, 404]).toContain(status);
    }
    expect(await isAlive()).toBe(true);
  });
});

const MAPS = '/api/v1/namespaces/default/configmaps';
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution';

function numbered(prefix: string): string[] {
  return Array.from({ length: 100_000 }, (_, at) => `${prefix}${at}`);
}

function describeFailure(run: number, status: number, { request, why }: { request: HostileRequest; why: string }): string {
  const { method, target, headers, body } = request;
  return `run ${run}: ${status} for ${method} ${target} ${JSON.stringify(headers)}\n${body.toString().slice(0, 1_500)}\n${why}`;
}
