import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Node, Pod, Service } from '@keelson/api/core/v1';
import { EndpointSlice } from '@keelson/api/discovery/v1';
import { ServiceCIDR } from '@keelson/api/networking/v1';
import { silentLogger as logger, SystemClock } from '@keelson/base';
import { createClient, httpsTransport, loadKubeconfig, type Client } from '@keelson/client';
import { eventually } from '@keelson/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cluster } from './cluster/cluster.ts';
import { settle } from './settings.ts';

const namespace = 'default';
const PODS = '10.244.0.0/16,fd00:10:244::/56';
const SERVICES = '10.96.0.0/16,fd00:10:96::/112';
const simulated = { runtime: 'sim', store: 'memory', port: 0 } as const;

describe('a cluster with both IP families', () => {
  let dataDir: string;
  let cluster: Cluster;
  let client: Client;

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'keelson-dual-'));
    const { settings, reachable } = await settle({ ...simulated, dataDir, clusterCidr: PODS, serviceCidr: SERVICES });
    cluster = new Cluster(settings, reachable, { clock: new SystemClock(), logger });
    await cluster.start(AbortSignal.timeout(60_000));
    client = createClient(httpsTransport(loadKubeconfig(settings.kubeconfig)));
  });
  afterAll(async () => {
    await client.transport.close();
    await cluster.stop();
    await rm(dataDir, { recursive: true });
  });

  it('gives nodes ranges of both, and says of which ones Services are', async () => {
    const node = await eventually(async () => client.resource(Node).find({ name: 'node-1' }));

    expect(node.spec?.podCIDRs).toEqual(['10.244.1.0/24', 'fd00:10:244:1::/64']);
    expect((await client.resource(ServiceCIDR).get({ name: 'kubernetes' })).spec?.cidrs).toEqual(SERVICES.split(','));
    expect((await client.resource(Service).get({ name: 'kubernetes', namespace })).spec?.clusterIPs).toEqual(['10.96.0.1']);
  });

  it('gives pods addresses of both, and Services that want it too, each family with slices of its own', async () => {
    const labels = { app: 'web' };
    await client.resource(Pod).create({
      metadata: { name: 'web', namespace, labels },
      spec: { containers: [{ name: 'web', image: 'web' }] },
    });
    const made = await client.resource(Service).create({
      metadata: { name: 'web', namespace },
      spec: { selector: labels, ipFamilyPolicy: 'PreferDualStack', ports: [{ port: 80 }] },
    });
    expect(made.spec?.clusterIPs).toEqual([expect.stringMatching(/^10\.96\./), expect.stringMatching(/^fd00:10:96::/)]);
    expect(made.spec?.ipFamilies).toEqual(['IPv4', 'IPv6']);

    const slices = await eventually(async () => {
      const labelSelector = 'kubernetes.io/service-name=web';
      const { items } = await client.resource(EndpointSlice).list({ namespace, labelSelector });
      const ready = items.filter(({ endpoints }) => endpoints?.[0]?.conditions?.ready === true);
      return ready.length === 2 && ready.toSorted((one, other) => one.addressType.localeCompare(other.addressType));
    });

    const { status } = await client.resource(Pod).get({ name: 'web', namespace });
    expect(status?.podIPs).toEqual([{ ip: '10.244.1.2' }, { ip: 'fd00:10:244:1::2' }]);
    expect(slices.map(({ addressType, endpoints = [] }) => [addressType, ...(endpoints[0]?.addresses ?? [])])).toEqual([
      ['IPv4', '10.244.1.2'],
      ['IPv6', 'fd00:10:244:1::2'],
    ]);
  });
});

describe('the ranges of a cluster', () => {
  it.each([
    { clusterCidr: PODS, serviceCidr: '10.96.0.0/16' },
    { clusterCidr: PODS, serviceCidr: SERVICES.split(',').toReversed().join() },
  ])('have to be of the same families: not $clusterCidr with $serviceCidr', async (ranges) => {
    const dataDir = join(tmpdir(), 'keelson-never-made');

    await expect(settle({ ...simulated, dataDir, ...ranges })).rejects.toThrow('same IP families in the same order');
  });
});
