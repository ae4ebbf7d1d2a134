import { request, type RequestOptions } from 'node:https';
import { text } from 'node:stream/consumers';
import type { IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { createAuthority } from '@keelson/pki';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Authorize } from './contracts.ts';
import { container, World } from '../testing/world.ts';

describe('KubeletServer', () => {
  let world: World;
  let tls: { ca: string; cert: string; key: string };
  let stranger: { cert: string; key: string };
  const authorize: Authorize = async ({ bearerToken, user }) => {
    if (user || bearerToken === 'good') return { type: 'allowed' };
    return bearerToken === undefined ? { type: 'unauthenticated' } : { type: 'forbidden', user: 'bob' };
  };

  beforeAll(async () => {
    const [authority, other] = await Promise.all([createAuthority({ commonName: 'ca' }), createAuthority({ commonName: 'ca' })]);
    const serving = await authority.issue({ commonName: 'n1', ipAddresses: ['127.0.0.1'], usages: ['server'] });
    const client = await authority.issue({ commonName: 'api', usages: ['client'] });
    const wrong = await other.issue({ commonName: 'api', usages: ['client'] });
    tls = { ca: authority.certificate, cert: client.certificate, key: client.privateKey };
    stranger = { cert: wrong.certificate, key: wrong.privateKey };
    const options = { cert: serving.certificate, key: serving.privateKey, clientCa: authority.certificate };
    world = await World.start({ serving: { port: 0, tls: options, authorize } });
    world.createPod('a', { containers: [container('web'), container('crash')] });
    await world.until(() => world.pod('a')?.status?.phase === 'Running');
    world.runtime.logTexts.set(world.runtime.latest('web')?.id ?? '', 'one\ntwo\nthree\n');
  });
  afterAll(() => world[Symbol.asyncDispose]());

  async function call(path: string, options: RequestOptions = {}): Promise<{ code: number | undefined; body: string }> {
    const sent = request({ host: '127.0.0.1', port: world.kubelet.port, path, ...tls, agent: false, ...options }).end();
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    return { code: answer.statusCode, body: await text(answer) };
  }

  const anonymous = { cert: undefined, key: undefined };

  it('lets in certificates of its CA and accepted tokens, and nobody else', async () => {
    expect((await call('/pods')).code).toBe(200);
    expect((await call('/pods', anonymous)).code).toBe(401);
    expect((await call('/pods', stranger)).code).toBe(401);
    expect((await call('/pods', { ...anonymous, headers: { authorization: 'Bearer good' } })).code).toBe(200);
    expect((await call('/healthz', anonymous)).code).toBe(401);
  });

  it.each(['//', '/%', '/containerLogs/%zz/a/web', '/pods/../..//'])('answers the odd path %s and lives on', async (path) => {
    expect([200, 400, 404]).toContain((await call(path)).code);
    expect((await call('/healthz')).code).toBe(200);
  });

  it('shows its pods with their newest status', async () => {
    const { body } = await call('/runningpods');

    expect(JSON.parse(body)).toMatchObject({
      kind: 'PodList',
      items: [{ metadata: { name: 'a' }, status: { phase: 'Running' } }],
    });
  });

  it.each([
    { query: '', want: 'one\ntwo\nthree\n' },
    { query: '?tailLines=1', want: 'three\n' },
    { query: '?limitBytes=5', want: 'one\nt' },
    { query: '?limitBytes=0', want: '' },
    { query: '?tailLines=2&limitBytes=100', want: 'two\nthree\n' },
  ])('gives a log$query', async ({ query, want }) => {
    expect(await call(`/containerLogs/default/a/web${query}`)).toEqual({ code: 200, body: want });
  });

  it.each([
    { path: '/containerLogs/default/none/web', code: 404, body: 'pod "none" not found' },
    { path: '/containerLogs/default/a/none', code: 404, body: 'container none not found in pod a' },
    {
      path: '/containerLogs/default/a/web?previous=true',
      code: 400,
      body: 'previous terminated container "web" in pod "a" not found',
    },
    {
      path: '/containerLogs/default/a/web?tailLines=-1',
      code: 400,
      body: 'tailLines must be a number that is not negative: "-1"',
    },
    {
      path: '/containerLogs/default/a/web?sinceTime=yesterday',
      code: 400,
      body: 'sinceTime must be a time by RFC 3339: "yesterday"',
    },
    { path: '/exec/default/a/web?command=ls&output=1', code: 400, body: 'Upgrade request required' },
    { path: '/nowhere', code: 404, body: '404 page not found' },
  ])('answers $path with $code', async ({ path, code, body }) => {
    expect(await call(path)).toEqual({ code, body });
  });

  it('gives the log of the instance before', async () => {
    const before = world.runtime.latest('crash')?.id;

    world.runtime.exit('crash', 1);
    await world.until(
      () =>
        world.runtime.latest('crash')?.attempt === 1 &&
        world.kubelet.api.pods()[0]?.status?.containerStatuses?.[1]?.restartCount === 1,
    );

    expect((await call('/containerLogs/default/a/crash?previous=true')).body).toBe(`log of ${before}\n`);
  });

  it('says that a container has not begun, and why', async () => {
    world.runtime.missingImages.add('gone:1');
    world.createPod('b', { containers: [container('web', { image: 'gone:1' })] });
    await world.until(() => world.pod('b')?.status?.containerStatuses?.[0]?.state?.waiting?.reason === 'ErrImagePull');

    expect(await call('/containerLogs/default/b/web')).toEqual({
      code: 400,
      body: 'container "web" in pod "b" is waiting to start: image can\'t be pulled',
    });
  });

  it.each([
    { path: '/pods', method: 'GET', what: 'verb=get, resource=nodes, subresource(s)=[pods proxy]' },
    { path: '/runningpods/', method: 'GET', what: 'verb=get, resource=nodes, subresource(s)=[pods proxy]' },
    { path: '/healthz/ping', method: 'GET', what: 'verb=get, resource=nodes, subresource(s)=[healthz proxy]' },
    { path: '/configz', method: 'GET', what: 'verb=get, resource=nodes, subresource(s)=[configz proxy]' },
    { path: '/stats/summary', method: 'GET', what: 'verb=get, resource=nodes, subresource(s)=[stats]' },
    { path: '/metrics/resource', method: 'GET', what: 'verb=get, resource=nodes, subresource(s)=[metrics]' },
    { path: '/logs/', method: 'GET', what: 'verb=get, resource=nodes, subresource(s)=[log]' },
    { path: '/containerLogs/default/a/web', method: 'GET', what: 'verb=get, resource=nodes, subresource(s)=[proxy]' },
    { path: '/run/default/a/web?cmd=ls', method: 'POST', what: 'verb=create, resource=nodes, subresource(s)=[proxy]' },
    { path: '/constructor', method: 'DELETE', what: 'verb=delete, resource=nodes, subresource(s)=[proxy]' },
  ])('says which right to $method $path is missing', async ({ path, method, what }) => {
    const headers = { authorization: 'Bearer bad' };

    expect(await call(path, { ...anonymous, method, headers })).toEqual({ code: 403, body: `Forbidden (user=bob, ${what})` });
  });

  it('says how it is, in parts if asked to', async () => {
    expect(await call('/healthz')).toEqual({ code: 200, body: 'ok' });
    expect(await call('/healthz/syncloop')).toEqual({ code: 200, body: 'ok' });
    expect((await call('/healthz/none')).code).toBe(404);
    expect((await call('/healthz?verbose')).body).toBe('[+]ping ok\n[+]log ok\n[+]syncloop ok\nhealthz check passed\n');
  });

  it('shows its configuration as a KubeletConfiguration', async () => {
    expect(JSON.parse((await call('/configz')).body)).toMatchObject({
      kubeletconfig: {
        kind: 'KubeletConfiguration',
        port: world.kubelet.port,
        clusterDomain: 'cluster.local',
        maxPods: 110,
        authentication: { anonymous: { enabled: false }, webhook: { enabled: true } },
        maxParallelImagePulls: 5,
        imageGCHighThresholdPercent: 100,
      },
    });
  });

  it('counts what it does, under the names that dashboards know', async () => {
    const { body } = await call('/metrics');

    expect(body).toContain('kubelet_running_pods 1\n');
    expect(body).toContain('kubelet_node_name{node="n1"} 1\n');
    expect(body).toMatch(/^kubelet_runtime_operations_total\{operation_type="create_container"\} [2-9]$/m);
    expect(body).toMatch(/^kubelet_runtime_operations_duration_seconds_count\{operation_type="run_podsandbox"\} \d+$/m);
    expect(body).toMatch(/^kubelet_started_pods_total \d+$/m);
    expect(body).toMatch(/^kubelet_pleg_relist_duration_seconds_count \d+$/m);
    expect(body).toMatch(
      /^kubelet_http_requests_total\{method="GET",path="healthz",server_type="readwrite",long_running="false"\} \d+$/m,
    );
  });

  it('runs a command to its end', async () => {
    expect((await call('/run/default/a/web?cmd=ls', { method: 'POST' })).code).toBe(200);
  });

  it('speaks exec over WebSocket, with the output and the exit status', async () => {
    const url = `wss://127.0.0.1:${world.kubelet.port}/exec/default/a/web?command=echo&command=hi&output=1&error=1`;
    const socket = new WebSocket(url, ['v5.channel.k8s.io'], { ...tls });
    const frames: Buffer[] = [];
    socket.on('message', (data: Buffer) => frames.push(data));
    await once(socket, 'close');

    const channel = (id: number) =>
      Buffer.concat(frames.filter((frame) => frame[0] === id).map((frame) => frame.subarray(1))).toString();
    expect(channel(1)).toBe('web: echo hi');
    expect(JSON.parse(channel(3))).toMatchObject({ status: 'Success' });
  });

  it('refuses to stream to strangers, and without any stream', async () => {
    const headers = { connection: 'Upgrade', upgrade: 'websocket' };

    expect((await call('/exec/default/a/web?command=ls&output=1', { headers, ...anonymous })).code).toBe(401);
    expect((await call('/exec/default/a/web?command=ls', { headers })).code).toBe(400);
  });
});
