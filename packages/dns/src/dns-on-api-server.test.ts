import { Service } from '@keelson/api/core/v1';
import { EndpointSlice } from '@keelson/api/discovery/v1';
import { startTestApiServer, type TestApiServer } from '@keelson/api-server/testing';
import { silentLogger, SystemClock } from '@keelson/base';
import { createClient, type Client } from '@keelson/client';
import { InformerFactory } from '@keelson/controller-runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DnsServer } from './dns-server.ts';
import { ask, texts } from './test-support/client.ts';

describe('DnsServer on a real API server', () => {
  let api: TestApiServer;
  let client: Client;
  let informers: InformerFactory;
  let server: DnsServer;

  beforeEach(async () => {
    api = await startTestApiServer();
    client = createClient(api.transport);
    const clock = new SystemClock();
    informers = new InformerFactory({ client, clock, logger: silentLogger });
    server = new DnsServer(
      { services: informers.for(Service), endpointSlices: informers.for(EndpointSlice), clock, logger: silentLogger },
      { host: '127.0.0.1', port: 0 },
    );
    await informers.start(new AbortController().signal);
    await server.start(new AbortController().signal);
  });

  afterEach(async () => {
    await server.stop();
    await informers.stop();
    await api.close();
  });

  const answers = async (name: string, type = 'A') => texts((await ask(server.port, name, type)).answers);

  it('follows Services and their endpoints from their first moment to their last', async () => {
    const web = 'web.default.svc.cluster.local';
    const db = 'db.default.svc.cluster.local';
    const services = client.resource(Service);
    const ports = [{ name: 'http', port: 80 }];
    const created = await services.create({ metadata: { name: 'web', namespace: 'default' }, spec: { ports } });
    await services.create({ metadata: { name: 'db', namespace: 'default' }, spec: { clusterIP: 'None', ports } });
    await client.resource(EndpointSlice).create({
      metadata: { name: 'db-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'db' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.0.0.1'], hostname: 'db-0', conditions: { ready: true } }],
      ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    });

    await expect.poll(() => answers(web)).toEqual([`${web} A ${created.spec?.clusterIP}`]);
    await expect.poll(() => answers(`db-0.${db}`)).toEqual([`db-0.${db} A 10.0.0.1`]);
    expect(await answers(`_http._tcp.${db}`, 'SRV')).toEqual([`_http._tcp.${db} SRV 0 100 8080 db-0.${db}`]);

    await services.delete({ name: 'web', namespace: 'default' });
    await expect.poll(() => answers(web)).toEqual([]);
  });
});
