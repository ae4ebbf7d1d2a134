import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { createAuthority, type KeyedCertificate } from '@keelson/pki';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { KubeletConnection } from '../streams/kubelet-connection.ts';
import { pod, PODS } from '../test-support/api-probe.ts';
import { HttpsServer } from '../test-support/https-server.ts';
import { Proxies } from './proxies.ts';

const SERVICES = '/api/v1/namespaces/default/services';
const SLICES = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
const POD_IP = '10.1.2.3';

let ca: string;
let serving: KeyedCertificate;
let client: KeyedCertificate;
const closers: (() => void)[] = [];

beforeAll(async () => {
  const authority = await createAuthority({ commonName: 'ca' });
  ca = authority.certificate;
  serving = await authority.issue({ commonName: 'node', ipAddresses: ['127.0.0.1'], usages: ['server'] });
  client = await authority.issue({ commonName: 'apiserver', usages: ['client'] });
});

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** An API server whose pods' addresses all lead to this machine. */
async function start(): Promise<HttpsServer> {
  const kubelets = new KubeletConnection({ tls: { ca, certificate: client.certificate, privateKey: client.privateKey } });
  closers.push(() => kubelets.close());
  const dial = (_host: string, port: number): Socket => connect(port, '127.0.0.1');
  const server: HttpsServer = await HttpsServer.start({
    connectors: [new Proxies({ kubelets, dial, transport: () => server.api.transport })],
  });
  return server;
}

async function createPod(server: HttpsServer, name: string, port: number): Promise<void> {
  const containers = [{ name: 'main', image: 'nginx:1', ports: [{ containerPort: port }] }];
  await server.json(PODS, { method: 'POST', value: pod(name, { containers }) });
  const status = { phase: 'Running', podIP: POD_IP, podIPs: [{ ip: POD_IP }] };
  await server.json(`${PODS}/${name}/status`, {
    method: 'PATCH',
    value: { status },
    headers: { 'content-type': 'application/merge-patch+json' },
  });
}

async function createService(server: HttpsServer, name: string, port: number): Promise<void> {
  await createPod(server, `${name}-0`, port);
  const ports = [{ name: 'http', port: 80, targetPort: port }];
  await server.json(SERVICES, { method: 'POST', value: { metadata: { name }, spec: { ports, selector: { app: name } } } });
  const targetRef = { kind: 'Pod', name: `${name}-0`, namespace: 'default' };
  const slice = {
    metadata: { name: `${name}-abc`, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [POD_IP], conditions: { ready: true }, targetRef }],
    ports: [{ name: 'http', port, protocol: 'TCP' }],
  };
  await server.json(SLICES, { method: 'POST', value: slice });
}

/** Tells what it was asked. */
const echo: RequestListener = (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { method, url, headers } = request;
    response.setHeader('Content-Type', 'application/json');
    response.setHeader('Access-Control-Allow-Origin', '*');
    response.setHeader('X-Own', ['a', 'b']);
    response.writeHead(method === 'DELETE' ? 418 : 200);
    response.end(JSON.stringify({ method, url, headers, body: Buffer.concat(chunks).toString() }));
  });
};

describe('the proxy of a pod', () => {
  it.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])('passes %s on, with path, query and body', async (method) => {
    await using server = await start();
    await createPod(server, 'web', await listen(createHttpServer(echo)));

    const body = method === 'GET' || method === 'OPTIONS' ? '' : 'hello';
    const sent = { method, ...(body !== '' && { body, headers: { 'content-length': '5' } }) };
    const { status, value, headers } = await server.json(`${PODS}/web/proxy/a%20b/c/?x=1&x=2`, sent);

    expect(status).toBe(method === 'DELETE' ? 418 : 200);
    expect(value).toMatchObject({ method, url: '/a%20b/c/?x=1&x=2', body });
    expect(headers).toMatchObject({ 'x-own': 'a, b', 'content-type': 'application/json' });
  });

  it('keeps credentials to itself, and says for whom it asks', async () => {
    await using server = await start();
    await createPod(server, 'web', await listen(createHttpServer(echo)));

    const sent = { 'x-forwarded-for': '192.0.2.1', 'x-own': 'kept', connection: 'x-hop', 'x-hop': 'dropped' };
    const { value, headers } = await server.json(`${PODS}/web/proxy/`, { headers: sent });

    expect(value.headers).toMatchObject({
      host: `127.0.0.1:${server.frontend.port}`,
      'x-own': 'kept',
      'x-forwarded-for': '192.0.2.1, 127.0.0.1',
      'x-forwarded-uri': `${PODS}/web/proxy/`,
    });
    expect(value.headers).not.toHaveProperty('authorization');
    expect(value.headers).not.toHaveProperty('x-hop');
    expect(headers).not.toHaveProperty('access-control-allow-origin');
    expect(headers['audit-id']).toBeDefined();
  });

  it('sends what has no path to the path that ends in a slash', async () => {
    await using server = await start();
    await createPod(server, 'web', await listen(createHttpServer(echo)));

    const { status, headers } = await server.send(`${PODS}/web/proxy?x=1`);

    expect([status, headers.location]).toEqual([301, `${PODS}/web/proxy/?x=1`]);
  });

  it('leads redirections through itself, unless they lead elsewhere', async () => {
    await using server = await start();
    const backend = createHttpServer((request, response) => {
      response.writeHead(302, { location: decodeURIComponent((request.url ?? '').slice(2)) }).end();
    });
    await createPod(server, 'web', await listen(backend));
    const follow = async (location: string) => {
      const { headers } = await server.send(`${PODS}/web/proxy/?${encodeURIComponent(location)}`);
      return headers.location;
    };

    expect(await follow('/login?next=1')).toBe(`${PODS}/web/proxy/login?next=1`);
    expect(await follow('login')).toBe('login');
    expect(await follow('https://example.com/login')).toBe('https://example.com/login');
    expect(await follow(`http://127.0.0.1:${server.frontend.port}/login`)).toBe(`${PODS}/web/proxy/login`);
    expect(await follow(`${PODS}/web/proxy/login`)).toBe(`${PODS}/web/proxy/login`);
  });

  it('leads links of a page through itself', async () => {
    await using server = await start();
    const backend = createHttpServer((_request, response) => {
      const page = '<a href="/next">next</a>';
      response.writeHead(200, { 'content-type': 'text/html', 'content-length': page.length }).end(page);
    });
    await createPod(server, 'web', await listen(backend));

    const { status, body } = await server.send(`${PODS}/web/proxy/`);

    expect([status, body.toString()]).toEqual([200, `<a href="${PODS}/web/proxy/next">next</a>`]);
  });

  it('passes a body of any length on while it comes, and an answer likewise', async () => {
    await using server = await start();
    const size = 8 * 1024 * 1024;
    const backend = createHttpServer((request, response) => void request.pipe(response));
    await createPod(server, 'web', await listen(backend));

    const parts = Array.from({ length: 8 }, () => Buffer.alloc(size / 8, 1));
    const { status, body } = await server.send(`${PODS}/web/proxy/`, { method: 'POST', body: parts });

    expect([status, body.length]).toEqual([200, size]);
  });

  it('works over HTTP/2', async () => {
    await using server = await start();
    await createPod(server, 'web', await listen(createHttpServer(echo)));

    const stream = server.stream(server.http2(), `${PODS}/web/proxy/x`, { ':method': 'POST' });
    stream.end('hello');
    const [headers] = await once(stream, 'response');
    const text = Buffer.concat(await Array.fromAsync<Buffer>(stream)).toString();

    expect(headers).toMatchObject({ ':status': 200, 'x-own': 'a, b' });
    expect(JSON.parse(text)).toMatchObject({ method: 'POST', url: '/x', body: 'hello' });
  });

  it('speaks TLS if the name says so, and takes a port', async () => {
    await using server = await start();
    const options = { cert: serving.certificate, key: serving.privateKey };
    const port = await listen(createHttpsServer(options, echo));
    await createPod(server, 'web', 1);

    const { value } = await server.json(`${PODS}/https:web:${port}/proxy/x`);

    expect(value).toMatchObject({ url: '/x' });
  });

  it('joins connections that change their protocol', async () => {
    await using server = await start();
    const backend = createHttpServer();
    backend.on('upgrade', (request: IncomingMessage, socket: Socket) => {
      socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${request.headers.upgrade}\r\n\r\n`);
      socket.write(`${request.url} `);
      socket.pipe(socket);
    });
    await createPod(server, 'web', await listen(backend));

    const socket = connectTls({ port: server.frontend.port, host: '127.0.0.1', rejectUnauthorized: false });
    socket.write(
      `GET ${PODS}/web/proxy/ws?a=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer test-token\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\nhello`,
    );
    let text = '';
    for await (const chunk of socket) {
      text += String(chunk);
      if (text.endsWith('hello')) break;
    }

    expect(text).toMatch(/^HTTP\/1.1 101 [\s\S]*Upgrade: chat[\s\S]*\/ws\?a=1 hello$/);
  });

  it('says why a pod cannot be asked', async () => {
    await using server = await start();
    await createPod(server, 'web', 1);
    await server.json(PODS, { method: 'POST', value: pod('pending') });
    const ask = async (name: string) => (await server.json(`${PODS}/${name}/proxy/`)).value;

    expect(await ask('web')).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: `error trying to reach service: dial tcp ${POD_IP}:1: connect: connection refused`,
      reason: 'ServiceUnavailable',
      code: 503,
    });
    expect(await ask('pending')).toMatchObject({ code: 400, message: 'address not allowed' });
    expect(await ask('none')).toMatchObject({ code: 404, message: 'pods "none" not found' });
    expect(await ask('a:b:c:d')).toMatchObject({ code: 400, message: 'invalid pod request "a:b:c:d"' });
    expect(await ask('ftp:web:1')).toMatchObject({ code: 400, message: 'invalid pod request "ftp:web:1"' });
  });

  it('lets go of the backend when the client goes', async () => {
    await using server = await start();
    const left = Promise.withResolvers<void>();
    const backend = createHttpServer((_request, response) => {
      response.on('close', left.resolve);
      response.write('first');
    });
    await createPod(server, 'web', await listen(backend));

    const response = await server.open(`${PODS}/web/proxy/`);
    await once(response, 'data');
    response.destroy();

    await left.promise;
    await expect.poll(() => server.frontend.requests).toBe(0);
  });
});

describe('the proxy of a service', () => {
  it.each(['web:http', 'web:80', 'http:web:http'])('finds a pod behind %s', async (name) => {
    await using server = await start();
    await createService(server, 'web', await listen(createHttpServer(echo)));

    const { status, value } = await server.json(`${SERVICES}/${name}/proxy/x`);

    expect([status, value.url]).toEqual([200, '/x']);
  });

  it('says why there is none', async () => {
    await using server = await start();
    await createService(server, 'web', 1);
    await server.json(SERVICES, { method: 'POST', value: { metadata: { name: 'empty' }, spec: { ports: [{ port: 80 }] } } });
    const ask = async (name: string) => (await server.json(`${SERVICES}/${name}/proxy/`)).value;

    expect(await ask('web:81')).toMatchObject({ code: 503, message: 'no service port 81 found for service "web"' });
    expect(await ask('web')).toMatchObject({ code: 503, message: 'no endpoints available for service "web"' });
    expect(await ask('web:other')).toMatchObject({ code: 503, message: 'no endpoints available for service "web:other"' });
    expect(await ask('empty')).toMatchObject({ code: 503, message: 'no endpoints available for service "empty"' });
    expect(await ask('none')).toMatchObject({ code: 404, message: 'services "none" not found' });
  });

  it('does not believe endpoints that no pod has', async () => {
    await using server = await start();
    await createService(server, 'web', await listen(createHttpServer(echo)));
    const headers = { 'content-type': 'application/merge-patch+json' };
    await server.json(`${PODS}/web-0/status`, { method: 'PATCH', headers, value: { status: { podIPs: [{ ip: '10.9.9.9' }] } } });

    const { value } = await server.json(`${SERVICES}/web:http/proxy/`);

    expect(value).toMatchObject({ code: 503, message: 'no endpoints available for service "web:http"' });
  });
});

describe('the proxy of a node', () => {
  it('shows the kubelet who it is', async () => {
    await using server = await start();
    const options = { cert: serving.certificate, key: serving.privateKey, ca, requestCert: true, rejectUnauthorized: true };
    const port = await listen(createHttpsServer(options, echo));
    await server.json('/api/v1/nodes', { method: 'POST', value: { metadata: { name: 'n' } } });
    const status = {
      addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
      daemonEndpoints: { kubeletEndpoint: { Port: port } },
    };
    const headers = { 'content-type': 'application/merge-patch+json' };
    await server.json('/api/v1/nodes/n/status', { method: 'PATCH', headers, value: { status } });

    const plain = await server.json('/api/v1/nodes/n/proxy/stats/summary');
    const withPort = await server.json(`/api/v1/nodes/n:${port}/proxy/stats/summary`);
    const other = await server.json('/api/v1/nodes/n:1/proxy/');

    expect([plain.value.url, withPort.value.url]).toEqual(['/stats/summary', '/stats/summary']);
    expect(other.value).toMatchObject({ code: 400, message: 'address not allowed' });
  });
});

it('has no proxies at the paths that Kubernetes gave up', async () => {
  await using server = await start();

  expect((await server.send('/api/v1/proxy/namespaces/default/pods/web/')).status).toBe(404);
});
