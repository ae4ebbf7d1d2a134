import { Service } from '@keelson/api/core/v1';
import { EndpointSlice } from '@keelson/api/discovery/v1';
import { startTestApiServer, type TestApiServer } from '@keelson/api-server/testing';
import { silentLogger, SystemClock, type Runnable } from '@keelson/base';
import { createClient, type Client } from '@keelson/client';
import { InformerFactory } from '@keelson/controller-runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dnsServiceController, type DnsServiceOptions } from './dns-service.ts';

const WHERE = { name: 'kube-dns', namespace: 'kube-system' };
const SLICE = { name: 'kube-dns-node-1', namespace: 'kube-system' };
const OPTIONS = { clusterIp: '10.96.0.10', nodeName: 'node-1', address: '172.17.0.1', port: 5353, metricsPort: 9999 };

describe('dnsServiceController', () => {
  let api: TestApiServer;
  let client: Client;
  let stop: () => Promise<void> = async () => undefined;

  beforeEach(async () => {
    api = await startTestApiServer({ namespaces: ['kube-system'], server: { serviceCidr: '10.96.0.0/16' } });
    client = createClient(api.transport);
  });

  afterEach(async () => {
    await stop();
    await api.close();
  });

  const run = async (options: DnsServiceOptions = OPTIONS): Promise<void> => {
    const clock = new SystemClock();
    const informers = new InformerFactory({ client, clock, logger: silentLogger });
    const controller: Runnable = dnsServiceController({ client, informers, clock, logger: silentLogger }, () => options);
    await informers.start(new AbortController().signal);
    await controller.start(new AbortController().signal);
    stop = async () => {
      await controller.stop();
      await informers.stop();
    };
  };
  const endpoints = async (): Promise<unknown> => {
    const found = await client.resource(EndpointSlice).find(SLICE);
    return found && [found.addressType, found.endpoints?.[0]?.addresses, found.ports?.map(({ name, port }) => `${name}:${port}`)];
  };
  const OURS = ['IPv4', ['172.17.0.1'], ['dns:5353', 'dns-tcp:5353', 'metrics:9999']];

  it('makes the Service that pods know, and leads it to the server', async () => {
    await run();

    await expect.poll(endpoints).toEqual(OURS);
    const service = await client.resource(Service).get(WHERE);
    expect(service.metadata?.labels).toMatchObject({ 'k8s-app': 'kube-dns', 'kubernetes.io/name': 'CoreDNS' });
    expect(service.spec).toMatchObject({ clusterIP: '10.96.0.10', type: 'ClusterIP' });
    expect(service.spec?.ports?.map(({ name, port, protocol }) => `${name} ${port}/${protocol}`)).toEqual([
      'dns 53/UDP',
      'dns-tcp 53/TCP',
      'metrics 9153/TCP',
    ]);
  });

  it('makes both again when they are deleted, or changed', async () => {
    await run();
    await expect.poll(endpoints).toEqual(OURS);

    await client.resource(EndpointSlice).delete(SLICE);
    await expect.poll(endpoints).toEqual(OURS);
    await client.resource(EndpointSlice).patch(SLICE, 'merge', { endpoints: [{ addresses: ['192.0.2.1'] }] });
    await expect.poll(endpoints).toEqual(OURS);
    const { metadata } = await client.resource(Service).get(WHERE);
    await client.resource(Service).delete(WHERE);

    await expect
      .poll(async () => (await client.resource(Service).find(WHERE))?.metadata?.uid)
      .toSatisfy((uid: unknown) => typeof uid === 'string' && uid !== metadata?.uid);
  });

  it('follows the server to another address', async () => {
    await run();
    await expect.poll(endpoints).toEqual(OURS);
    await stop();

    await run({ ...OPTIONS, address: 'fd00::1', port: 53 });

    await expect.poll(endpoints).toEqual(['IPv6', ['fd00::1'], ['dns:53', 'dns-tcp:53', 'metrics:9999']]);
  });

  it('leaves a Service alone that leads to pods', async () => {
    const ports = [{ port: 53, protocol: 'UDP' }];
    await client.resource(Service).create({ metadata: WHERE, spec: { selector: { 'k8s-app': 'kube-dns' }, ports } });
    await run();
    await client.resource(Service).patch(WHERE, 'merge', { metadata: { labels: { a: 'b' } } });
    await new Promise(setImmediate);

    expect(await endpoints()).toBeUndefined();
  });
});
