import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { ApiProbe, type Loose } from '../test-support/api-probe.ts';
import { ExtensionApi } from '../test-support/extension-api.ts';
import { HttpsServer } from '../test-support/https-server.ts';

const WAIT = { timeout: 30_000, interval: 5 };
const APISERVICES = '/apis/apiregistration.k8s.io/v1/apiservices';
const WARDLE = '/apis/wardle.example.com/v1alpha1';
const FLUNDERS = `${WARDLE}/namespaces/default/flunders`;
const NAME = 'v1alpha1.wardle.example.com';

async function setUp() {
  const extension = await ExtensionApi.start();
  const http = await HttpsServer.start({ frontProxy: extension.frontProxy });
  const api = new ApiProbe(http.api.transport);
  const addService = () =>
    api.create('/api/v1/namespaces/default/services', {
      metadata: { name: 'api' },
      spec: { type: 'ExternalName', externalName: '127.0.0.1', ports: [{ port: extension.port }] },
    });
  const register = (spec: object = {}) =>
    api.create(APISERVICES, {
      metadata: { name: NAME },
      spec: {
        group: 'wardle.example.com',
        version: 'v1alpha1',
        groupPriorityMinimum: 2_000,
        versionPriority: 200,
        caBundle: extension.caBundle,
        service: { name: 'api', namespace: 'default', port: extension.port },
        ...spec,
      },
    });
  const available = async (): Promise<Loose> => (await api.get(`${APISERVICES}/${NAME}`)).status.conditions?.[0];
  const isAvailable = () => vi.waitFor(async () => expect(await available()).toMatchObject({ status: 'True' }), WAIT);
  const dispose = async (): Promise<void> => {
    await http[Symbol.asyncDispose]();
    await extension[Symbol.asyncDispose]();
  };
  return { extension, http, api, addService, register, available, isAvailable, [Symbol.asyncDispose]: dispose };
}

describe('an APIService', () => {
  it('without a service is available at once', async () => {
    await using world = await setUp();

    const made = await world.register({ service: undefined, caBundle: undefined });

    expect(made.status.conditions).toMatchObject([{ type: 'Available', status: 'True', reason: 'Local' }]);
  });

  it('says what is missing until its server answers', async () => {
    await using world = await setUp();

    await world.register();
    await vi.waitFor(async () => expect(await world.available()).toMatchObject({ reason: 'ServiceNotFound' }), WAIT);
    await world.addService();
    await world.isAvailable();

    expect(await world.available()).toMatchObject({ reason: 'Passed', message: 'all checks passed' });
  });

  it('does not trust a server that another authority has signed', async () => {
    await using world = await setUp();
    await using other = await ExtensionApi.start();
    await world.addService();

    await world.register({ caBundle: other.caBundle });

    await vi.waitFor(
      async () => expect(await world.available()).toMatchObject({ status: 'False', reason: 'FailedDiscoveryCheck' }),
      WAIT,
    );
    await expect(world.api.get(FLUNDERS)).rejects.toMatchObject({ reason: 'ServiceUnavailable' });
  });

  it('does not take a group of Kubernetes away', async () => {
    await using world = await setUp();
    await world.addService();

    await world.api.create(APISERVICES, {
      metadata: { name: 'v1.apps' },
      spec: {
        group: 'apps',
        version: 'v1',
        groupPriorityMinimum: 1,
        versionPriority: 1,
        insecureSkipTLSVerify: true,
        service: { name: 'api', namespace: 'default', port: world.extension.port },
      },
    });

    expect(await world.api.get('/apis/apps/v1/deployments')).toMatchObject({ kind: 'DeploymentList' });
  });
});

describe('what another API server serves', () => {
  it('is asked there, by a proxy that says in whose name', async () => {
    await using world = await setUp();
    const { http, extension } = world;
    await world.addService();
    await world.register();
    await world.isAvailable();

    const listed = await http.json(FLUNDERS, { headers: { 'x-remote-user': 'somebody-else' } });
    const made = await http.json(FLUNDERS, { method: 'POST', value: { metadata: { name: 'two' } } });
    const missing = await http.json(`${FLUNDERS}/three?x=1`);

    expect(listed.value).toMatchObject({ kind: 'FlunderList', items: [{ metadata: { name: 'one' } }] });
    expect([made.status, made.value]).toEqual([201, { metadata: { name: 'two' } }]);
    expect([missing.status, missing.value.message]).toEqual([404, 'no such flunder']);
    const asked = extension.asked.filter(({ url }) => url?.startsWith(FLUNDERS));
    expect(asked.map(({ method, url }) => `${method} ${url}`)).toEqual([
      `GET ${FLUNDERS}`,
      `POST ${FLUNDERS}`,
      `GET ${FLUNDERS}/three?x=1`,
    ]);
    expect(asked[0]).toMatchObject({
      commonName: 'front-proxy-client',
      headers: { 'x-remote-user': 'tester', 'x-remote-group': 'system:masters, system:authenticated' },
    });
    expect(asked[0]?.headers).not.toHaveProperty('authorization');
  });

  it('is in discovery and in the list of OpenAPI documents as long as it is registered', async () => {
    await using world = await setUp();
    const { api, http } = world;
    await world.addService();
    await world.register();
    await world.isAvailable();

    const groups = (await api.get('/apis')).groups.map(({ name }: Loose) => name);
    const resources = (await http.json(WARDLE)).value.resources;
    const all = await http.json('/apis', {
      headers: { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' },
    });
    const documents = (await http.json('/openapi/v3')).value.paths;
    const document = (await http.json(`/openapi/v3${WARDLE}?hash=1`)).value;
    await api.remove(`${APISERVICES}/${NAME}`);
    const later = await http.send(FLUNDERS);

    expect(groups).toContain('wardle.example.com');
    expect(resources).toMatchObject([{ name: 'flunders' }, { name: 'flunders/status' }]);
    expect(all.value.items.find(({ metadata }: Loose) => metadata.name === 'wardle.example.com')).toMatchObject({
      versions: [{ version: 'v1alpha1', resources: [{ resource: 'flunders', scope: 'Namespaced', subresources: [{}] }] }],
    });
    expect(documents['apis/wardle.example.com/v1alpha1']).toEqual({ serverRelativeURL: `/openapi/v3${WARDLE}?hash=1` });
    expect(document).toEqual({ openapi: '3.0.0' });
    expect(later.status).toBe(404);
    expect((await api.get('/apis')).groups.map(({ name }: Loose) => name)).not.toContain('wardle.example.com');
  });

  it('is reached from within the process, to read and to watch', async () => {
    await using world = await setUp();
    await world.addService();
    await world.register();
    await world.isAvailable();

    const list = await world.api.get(FLUNDERS);
    const events = await firstValueFrom(world.api.transport.watch({ method: 'GET', path: FLUNDERS }));

    expect(list).toMatchObject({ kind: 'FlunderList' });
    expect(events).toMatchObject([{ type: 'ADDED', object: { kind: 'Flunder' } }]);
  });

  it('may take a connection over', async () => {
    await using world = await setUp();
    const { http } = world;
    await world.addService();
    await world.register();
    await world.isAvailable();

    const asked = httpsRequest(`${http.frontend.url}${FLUNDERS}/one/console`, {
      rejectUnauthorized: false,
      headers: { authorization: 'Bearer test-token', connection: 'Upgrade', upgrade: 'echo' },
    });
    asked.end();
    const [answer, socket, head] = (await once(asked, 'upgrade')) as [IncomingMessage, NodeJS.ReadableStream, Buffer];
    let text = head.toString();
    for await (const part of socket) text += String(part);

    expect([answer.statusCode, text]).toEqual([101, 'hello']);
  });
});
