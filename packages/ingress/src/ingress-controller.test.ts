import { createServer, type RequestListener } from 'node:http';
import { Event, Service } from '@keelson/api/core/v1';
import { Ingress, IngressClass } from '@keelson/api/networking/v1';
import { afterEach, describe, expect, it } from 'vitest';
import { IngressWorld, pathTo, portOf, askTls } from './testing/world.ts';

/** Nobody listens there, and nobody is given them by chance. */
const CLOSED_PORTS = [1, 2];

const says =
  (words: string): RequestListener =>
  (request, response) =>
    void response.end(`${words} ${request.url}`);

describe('IngressController', () => {
  let world: IngressWorld;
  afterEach(() => world[Symbol.asyncDispose]());

  it('leads hosts and paths to the endpoints of Services, and follows all changes', async () => {
    world = await IngressWorld.up();
    await world.service('web', [says('web')]);
    await world.service('api', [says('api')]);
    await world.route('shop.example', { '/': 'web', '/api': 'api' });

    await expect.poll(async () => (await world.get('shop.example')).body).toBe('web /');
    expect((await world.get('SHOP.example:80', '/api/v1?x=%2F')).body).toBe('api /api/v1?x=%2F');
    expect((await world.get('other.example')).status).toBe(404);
    await world.route('*.shop.example', { '/': 'api' });
    await expect.poll(async () => (await world.get('a.shop.example', '/x')).body).toBe('api /x');
    await world.client.resource(Ingress).delete({ name: 'shop.example', namespace: 'default' });
    await expect.poll(async () => (await world.get('shop.example')).status).toBe(404);
  });

  it('makes its class, serves it and no other, and writes where clients find it', async () => {
    world = await IngressWorld.up({ isDefaultClass: false, publish: ['192.0.2.80', 'lb.example'] });
    await world.service('web', [says('web')]);
    const { spec } = await world.client.resource(IngressClass).get({ name: 'keelson' });
    await world.route('ours.example', { '/': 'web' }, { ingressClassName: 'keelson' });
    await world.route('nobody.example', { '/': 'web' });

    await expect.poll(async () => (await world.get('ours.example')).status).toBe(200);
    expect((await world.get('nobody.example')).status).toBe(404);
    expect(spec?.controller).toBe('keelson.dev/ingress');
    const statusOf = async (name: string): Promise<unknown> =>
      (await world.client.resource(Ingress).get({ name, namespace: 'default' })).status?.loadBalancer?.ingress;
    await expect.poll(() => statusOf('ours.example')).toEqual([{ ip: '192.0.2.80' }, { hostname: 'lb.example' }]);
    expect(await statusOf('nobody.example')).toBeUndefined();
  });

  it('answers 503 without endpoints and 502 when none can be reached, and says by events what is missing', async () => {
    world = await IngressWorld.up();
    await world.service('empty', []);
    await world.service('dead', [], CLOSED_PORTS);
    await world.route('shop.example', { '/empty': 'empty', '/dead': 'dead', '/none': 'none' });

    await expect.poll(async () => (await world.get('shop.example', '/dead')).status).toBe(502);
    expect((await world.get('shop.example', '/empty')).status).toBe(503);
    expect((await world.get('shop.example', '/none')).status).toBe(503);
    await expect
      .poll(async () => (await world.client.resource(Event).list({ namespace: 'default' })).items.map(({ message }) => message))
      .toContain('Service "default/none" does not exist');
  });

  it('goes to another endpoint when one cannot be reached', async () => {
    world = await IngressWorld.up();
    await world.service('web', [says('web')], CLOSED_PORTS.slice(1));
    await world.route('shop.example', { '/': 'web' });
    await expect.poll(async () => (await world.get('shop.example')).status).toBe(200);

    const answers = [];
    for (let count = 0; count < 10; count += 1) answers.push((await world.get('shop.example', '/', { method: 'POST' })).status);

    expect(new Set(answers)).toEqual(new Set([200]));
    expect(world.log.some(({ retries }) => retries > 0)).toBe(true);
  });

  it('goes to the default backend when no rule is right', async () => {
    world = await IngressWorld.up();
    await world.service('all', [says('all')]);
    await world.apply('default', { defaultBackend: { service: { name: 'all', port: { name: 'http' } } } });

    await expect.poll(async () => (await world.get('whoever.example', '/x')).body).toBe('all /x');
  });

  it('shows each name the certificate of its Secret, takes up a new one, and has one of its own for all others', async () => {
    world = await IngressWorld.up();
    await world.service('web', [says('web')]);
    const rules = ['shop.example', 'a.wild.example'].map((host) => ({ host, http: { paths: [pathTo('/', 'web')] } }));
    const tls = [
      { hosts: ['shop.example'], secretName: 'shop' },
      { hosts: ['*.wild.example'], secretName: 'wild' },
    ];
    await world.apply('tls', { rules, tls });
    await world.certificate('shop', ['shop.example']);
    await world.certificate('wild', ['*.wild.example']);

    await expect.poll(() => world.getTls('shop.example').then(({ body }) => body, String)).toBe('web /');
    await expect.poll(() => world.getTls('a.wild.example').then(({ body }) => body, String)).toBe('web /');
    await expect(world.getTls('nobody.example')).rejects.toThrow(/certificate/);
    const anyway = await askTls(world.httpsPort, 'nobody.example', { rejectUnauthorized: false });
    expect(anyway.status).toBe(404);

    await world.certificate('shop', ['renamed.example']);
    await expect.poll(() => world.getTls('shop.example').then(({ body }) => body, String)).toMatch(/does not match/);
  });

  it('sends those without TLS to the same place with it, if the Ingress says so', async () => {
    world = await IngressWorld.up();
    await world.service('web', [says('web')]);
    const annotations = { 'ingress.keelson.dev/ssl-redirect': 'true' };
    const rules = [{ host: 'shop.example', http: { paths: [pathTo('/', 'web')] } }];
    await world.apply('tls', { rules, tls: [{ hosts: ['shop.example'], secretName: 'shop' }] }, annotations);

    await expect.poll(async () => (await world.get('shop.example', '/a?b=c')).status).toBe(308);
    const { headers } = await world.get('shop.example', '/a?b=c');
    expect(headers.location).toBe(`https://shop.example:${world.httpsPort}/a?b=c`);
  });

  it('leads to external names if it may, with the host that the client asked for', async () => {
    const asked: string[] = [];
    world = await IngressWorld.up({
      externalNames: (name, _options, found) => {
        asked.push(name);
        found(null, [{ address: '127.0.0.1', family: 4 }]);
      },
    });
    const server = await world.listen(createServer((incoming, response) => response.end(`elsewhere ${incoming.headers.host}`)));
    const externalName = 'shop.elsewhere.example';
    const spec = { type: 'ExternalName', externalName, ports: [{ port: 80, targetPort: portOf(server) }] };
    await world.client.resource(Service).create({ metadata: { name: 'away', namespace: 'default' }, spec });
    await world.route('shop.example', { '/': 'away' });

    await expect.poll(async () => (await world.get('shop.example')).body).toBe('elsewhere shop.example');
    expect(new Set(asked)).toEqual(new Set([externalName]));
  });

  it('lets requests that are under way end when it stops, and takes no others', async () => {
    world = await IngressWorld.up({ drainMs: 60_000 });
    const arrived = Promise.withResolvers<() => void>();
    await world.service('slow', [
      (incoming, response) => {
        if (incoming.method === 'OPTIONS') response.end();
        else arrived.resolve(() => response.end('done'));
      },
    ]);
    await world.route('shop.example', { '/': 'slow' });
    await expect.poll(async () => (await world.get('shop.example', '/', { method: 'OPTIONS' })).status).toBe(200);
    const answer = world.get('shop.example');
    const finish = await arrived.promise;

    const stopped = world.stop();
    await expect
      .poll(() =>
        world.get('shop.example').then(
          ({ status }) => status,
          (error: NodeJS.ErrnoException) => error.code,
        ),
      )
      .toBe('ECONNREFUSED');
    finish();

    expect(await answer).toMatchObject({ status: 200, body: 'done', headers: { connection: 'close' } });
    await stopped;
  });

  it('says who cannot have its port', async () => {
    world = await IngressWorld.up();
    await expect(IngressWorld.up({ httpPort: world.httpPort })).rejects.toThrow(
      /Cannot take Ingress traffic on port \d+: .*EADDRINUSE/,
    );
  });
});
