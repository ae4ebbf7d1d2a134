import { eventually } from '@keelson/base/testing';
import { Event, Node, Service, type NodeAddress, type ServiceSpec } from '@keelson/api/core/v1';
import { EndpointSlice } from '@keelson/api/discovery/v1';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startWorld, turns, type World } from '../testing/world.ts';
import { serviceLbController } from './service-lb-controller.ts';

const FINALIZER = 'service.kubernetes.io/load-balancer-cleanup';
const internal = (address: string): NodeAddress => ({ type: 'InternalIP', address });

describe('service-lb-controller', () => {
  let world: World;

  beforeEach(async () => {
    world = await startWorld({ namespaces: ['default'] });
    await addNode('one', [internal('192.0.2.1')]);
    await addNode('two', [internal('10.0.0.2'), { type: 'ExternalIP', address: '192.0.2.2' }]);
    await world.run(serviceLbController({ loadBalancerClass: 'keelson.dev/nodes', reservedPorts: ['6443/TCP'] }));
  });
  afterEach(() => world[Symbol.asyncDispose]());

  const addNode = async (name: string, addresses: readonly NodeAddress[], labels: Record<string, string> = {}): Promise<void> => {
    const nodes = world.client.resource(Node);
    await nodes.create({ metadata: { name, labels } });
    await setReady(name, 'True', addresses);
  };
  const setReady = async (name: string, ready: 'True' | 'Unknown', addresses?: readonly NodeAddress[]): Promise<void> => {
    const conditions = [{ type: 'Ready', status: ready }];
    await world.client.resource(Node).patchStatus({ name }, 'merge', { status: { conditions, ...(addresses && { addresses }) } });
  };
  const expose = (name: string, spec: ServiceSpec = {}, port = 80): Promise<Service> =>
    world.client
      .resource(Service)
      .create({ metadata: { name, namespace: 'default' }, spec: { type: 'LoadBalancer', ports: [{ port }], ...spec } });
  const find = (name: string): Promise<Service | undefined> =>
    world.client.resource(Service).find({ name, namespace: 'default' });
  const addressesOf = async (name: string): Promise<readonly (string | undefined)[]> =>
    ((await find(name))?.status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip);
  const has = (name: string, ...addresses: readonly string[]): Promise<true | false> =>
    eventually(async () => JSON.stringify(await addressesOf(name)) === JSON.stringify(addresses));
  const reasons = async (): Promise<readonly (string | undefined)[]> =>
    (await world.client.resource(Event).list({ namespace: 'default' })).items.map(({ reason }) => reason);

  it('gives a Service the addresses of the nodes, external ones first, and keeps it until they are taken back', async () => {
    await expose('web');

    await has('web', '192.0.2.1', '192.0.2.2');
    const service = await find('web');
    expect(service?.metadata?.finalizers).toEqual([FINALIZER]);
    expect(service?.status?.loadBalancer?.ingress?.[0]).toEqual({ ip: '192.0.2.1', ipMode: 'VIP' });
    await eventually(async () => (await reasons()).includes('EnsuredLoadBalancer'));
    expect(await reasons()).toContain('EnsuringLoadBalancer');
    await world.client.resource(Service).delete({ name: 'web', namespace: 'default' });
    await eventually(async () => (await find('web')) === undefined);
    await eventually(async () => (await reasons()).includes('DeletedLoadBalancer'));
  });

  it('takes the addresses back when it is another type of Service', async () => {
    await expose('web');
    await has('web', '192.0.2.1', '192.0.2.2');

    await world.client.resource(Service).patch({ name: 'web', namespace: 'default' }, 'merge', { spec: { type: 'ClusterIP' } });

    await has('web');
    await eventually(async () => (await find('web'))?.metadata?.finalizers === undefined);
  });

  it('leaves other classes alone', async () => {
    await expose('theirs', { loadBalancerClass: 'example.com/lb' });
    await expose('ours', { loadBalancerClass: 'keelson.dev/nodes' });

    await has('ours', '192.0.2.1', '192.0.2.2');
    const theirs = await find('theirs');
    expect([theirs?.status?.loadBalancer?.ingress, theirs?.metadata?.finalizers]).toEqual([undefined, undefined]);
  });

  it('follows nodes that come, go, and are left out', async () => {
    await expose('web');
    await has('web', '192.0.2.1', '192.0.2.2');

    await addNode('three', [internal('192.0.2.3')]);
    await has('web', '192.0.2.1', '192.0.2.2', '192.0.2.3');
    await setReady('one', 'Unknown');
    await has('web', '192.0.2.2', '192.0.2.3');
    const labels = { 'node.kubernetes.io/exclude-from-external-load-balancers': '' };
    await world.client.resource(Node).patch({ name: 'two' }, 'merge', { metadata: { labels } });
    await has('web', '192.0.2.3');
  });

  it('names only nodes with endpoints for externalTrafficPolicy Local', async () => {
    await expose('web', { externalTrafficPolicy: 'Local' });
    await turns();
    expect(await addressesOf('web')).toEqual([]);

    await world.client.resource(EndpointSlice).create({
      metadata: { name: 'web-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.1.0.1'], nodeName: 'two', conditions: { ready: true } }],
      ports: [{ port: 8080 }],
    });

    await has('web', '192.0.2.2');
  });

  it('gives a port to the older Service, and to the next one when it is free', async () => {
    await expose('a');
    await has('a', '192.0.2.1', '192.0.2.2');
    await expose('b', {}, 80);
    await expose('c', {}, 6443);
    await eventually(async () => (await reasons()).filter((reason) => reason === 'SyncLoadBalancerFailed').length === 2);
    expect([await addressesOf('b'), await addressesOf('c')]).toEqual([[], []]);

    await world.client.resource(Service).delete({ name: 'a', namespace: 'default' });

    await has('b', '192.0.2.1', '192.0.2.2');
  });

  it('needs no node ports', async () => {
    await expose('web', { allocateLoadBalancerNodePorts: false });

    await has('web', '192.0.2.1', '192.0.2.2');
    expect((await find('web'))?.spec?.ports?.[0]?.nodePort).toBeUndefined();
  });

  it('writes nothing when nothing has changed', async () => {
    await expose('web');
    await has('web', '192.0.2.1', '192.0.2.2');
    await turns();
    const before = world.writes.length;

    await world.client.resource(Node).patch({ name: 'one' }, 'merge', { metadata: { annotations: { a: 'b' } } });
    await world.client
      .resource(Service)
      .patch({ name: 'web', namespace: 'default' }, 'merge', { metadata: { labels: { a: 'b' } } });
    await turns();

    expect(world.writes).toHaveLength(before);
  });
});
