import { describe, expect, it } from 'vitest';
import { HealthCheckServer } from './health-check-server.ts';
import { mapOf, servicePort } from './testing/service-ports.ts';
import { closedPort, ownLoopbackAddress, tcpServer } from './test-support/sockets.ts';

async function setUp() {
  const address = ownLoopbackAddress();
  const port = Number((await closedPort()).split(':')[1]);
  const server = new HealthCheckServer(address);
  return {
    server,
    checked: (local: readonly string[], key = 'default/web:http') =>
      servicePort({ key, endpoints: ['10.0.0.1:80', '10.0.0.2:80'], local, healthCheckNodePort: port }),
    ask: () => fetch(`http://${address}:${port}/healthz`, { headers: { connection: 'close' } }),
    [Symbol.asyncDispose]: () => server.close(),
  };
}

describe('HealthCheckServer', () => {
  it('says whether there are endpoints on the node, as kube-proxy says it', async () => {
    await using world = await setUp();
    const { server, checked, ask } = world;
    await server.sync(mapOf(checked(['10.0.0.1:80'])));
    const healthy = await ask();

    await server.sync(mapOf(checked([])));
    const unhealthy = await ask();

    expect([healthy.status, unhealthy.status]).toEqual([200, 503]);
    expect(healthy.headers.get('x-load-balancing-endpoint-weight')).toBe('1');
    expect(await unhealthy.json()).toEqual({
      service: { namespace: 'default', name: 'web' },
      localEndpoints: 0,
      serviceProxyHealthy: true,
    });
  });

  it('tells load balancers to send nothing more while the last endpoints of the node are terminating', async () => {
    await using world = await setUp();
    const { server, checked, ask } = world;
    await server.sync(mapOf({ ...checked(['10.0.0.1:80']), localTerminating: true }));

    const answer = await ask();

    expect([answer.status, await answer.json()]).toMatchObject([503, { localEndpoints: 0 }]);
  });

  it('counts an endpoint with two ports once', async () => {
    await using world = await setUp();
    const { server, checked, ask } = world;
    await server.sync(mapOf(checked(['10.0.0.1:80']), checked(['10.0.0.1:443'], 'default/web:https')));

    expect(await (await ask()).json()).toMatchObject({ localEndpoints: 1 });
  });

  it('does not listen any more once the service is gone', async () => {
    await using world = await setUp();
    const { server, checked, ask } = world;
    await server.sync(mapOf(checked([])));

    await server.sync(mapOf());

    await expect(ask()).rejects.toThrow('fetch failed');
  });

  it('says when the port is taken', async () => {
    const address = ownLoopbackAddress();
    await using other = await tcpServer('other', undefined, address);
    const taken = servicePort({ healthCheckNodePort: other.port });

    expect(await new HealthCheckServer(address).sync(mapOf(taken))).toMatchObject([
      { service: 'default/web', message: expect.stringContaining('EADDRINUSE') },
    ]);
  });
});
