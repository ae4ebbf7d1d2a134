import { eventually } from '@keelson/base/testing';
import { Service } from '@keelson/api/core/v1';
import { EndpointSlice } from '@keelson/api/discovery/v1';
import { startTestApiServer, type TestApiServer } from '@keelson/api-server/testing';
import { silentLogger, SystemClock } from '@keelson/base';
import { createClient, type Client } from '@keelson/client';
import { InformerFactory } from '@keelson/controller-runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { endpointText } from './endpoints.ts';
import type { ProxyMode, SyncReport } from './proxy-mode.ts';
import { ServiceProxy } from './proxy.ts';
import type { ServiceMap } from './service-map.ts';

/** Shows what it is to serve. */
class ShownMode implements ProxyMode {
  readonly name = 'shown';
  map: ServiceMap = new Map();

  sync(desired: ServiceMap): Promise<SyncReport> {
    this.map = desired;
    return Promise.resolve({ changed: true, problems: [] });
  }

  /** The endpoints of a service port; undefined if there is no such port. */
  endpointsOf(key: string): string | undefined {
    return this.map.get(key)?.clusterEndpoints.map(endpointText).join(' ');
  }

  async close(): Promise<void> {}

  async cleanup(): Promise<void> {}
}

describe('ServiceProxy on a real API server', () => {
  let api: TestApiServer;
  let client: Client;
  let informers: InformerFactory;
  let mode: ShownMode;
  let proxy: ServiceProxy;

  beforeEach(async () => {
    api = await startTestApiServer();
    client = createClient(api.transport);
    const clock = new SystemClock();
    informers = new InformerFactory({ client, clock, logger: silentLogger });
    mode = new ShownMode();
    proxy = new ServiceProxy(
      { services: informers.for(Service), endpointSlices: informers.for(EndpointSlice), mode, clock, logger: silentLogger },
      { nodeName: 'node-1' },
    );
    await informers.start(new AbortController().signal);
    await proxy.start(new AbortController().signal);
  });

  afterEach(async () => {
    await proxy.stop();
    await informers.stop();
    await api.close();
  });

  const sliceOf = (name: string, address: string): EndpointSlice => ({
    metadata: { name, namespace: 'default', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
  });

  it('follows a Service from before its first endpoint to its end', async () => {
    const key = 'default/web:http';
    const spec = { type: 'NodePort', ports: [{ name: 'http', port: 80 }] };
    const created = await client.resource(Service).create({ metadata: { name: 'web', namespace: 'default' }, spec });
    await eventually(() => mode.endpointsOf(key) === '');

    await client.resource(EndpointSlice).create(sliceOf('web-1', '10.0.0.1'));
    await eventually(() => mode.endpointsOf(key) === '10.0.0.1:8080');
    await client.resource(EndpointSlice).create(sliceOf('web-2', '10.0.0.2'));
    await client.resource(EndpointSlice).delete({ name: 'web-1', namespace: 'default' });
    await eventually(() => mode.endpointsOf(key) === '10.0.0.2:8080');

    expect(mode.map.get(key)).toMatchObject({
      clusterIPs: created.spec?.clusterIPs,
      port: 80,
      nodePort: created.spec?.ports?.[0]?.nodePort,
    });
    await client.resource(Service).delete({ name: 'web', namespace: 'default' });
    await eventually(() => mode.endpointsOf(key) === undefined);
  });
});
