import { eventually } from '@keelson/base/testing';
import { Endpoints, Event, Service, type EndpointSubset } from '@keelson/api/core/v1';
import { EndpointSlice } from '@keelson/api/discovery/v1';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { endpointSliceController } from '../endpointslice/endpoint-slice-controller.ts';
import { startWorld, turns, type World } from '../testing/world.ts';
import { endpointSliceMirroringController } from './endpoint-slice-mirroring-controller.ts';

const WHERE = { name: 'db', namespace: 'default' };
const SUBSET: EndpointSubset = {
  addresses: [{ ip: '10.0.0.1', hostname: 'first', nodeName: 'n' }, { ip: 'fd00::1' }],
  notReadyAddresses: [{ ip: '10.0.0.2' }],
  ports: [{ name: 'sql', port: 5432, protocol: 'TCP', appProtocol: 'postgres' }],
};

describe('endpointslice-mirroring-controller', () => {
  let world: World;

  beforeEach(async () => {
    world = await startWorld({ namespaces: ['default'] });
    await world.run(endpointSliceMirroringController({ maxPerSubset: 3 }), endpointSliceController());
  });

  afterEach(() => world[Symbol.asyncDispose]());

  const service = (selector?: Record<string, string>): Promise<Service> =>
    world.client.resource(Service).create({ metadata: WHERE, spec: { ports: [{ port: 5432 }], ...(selector && { selector }) } });
  const endpoints = (subsets: EndpointSubset[], metadata: object = {}): Promise<Endpoints> =>
    world.client.resource(Endpoints).create({ metadata: { ...WHERE, ...metadata }, subsets });
  const replace = async (subsets: EndpointSubset[]): Promise<void> => {
    await world.client.resource(Endpoints).patch(WHERE, 'merge', { subsets });
  };
  const all = async (): Promise<readonly EndpointSlice[]> =>
    (await world.client.resource(EndpointSlice).list({ namespace: 'default' })).items;
  const slices = (count: number): Promise<readonly EndpointSlice[]> =>
    eventually(async () => {
      const found = await all();
      return found.length === count && found;
    });
  const addresses = (found: readonly EndpointSlice[]): readonly string[] =>
    found.flatMap((slice) => (slice.endpoints ?? []).map((each) => `${each.addresses[0]} ${each.conditions?.ready}`)).toSorted();

  it('makes slices of Endpoints of a Service without a selector, one for each family', async () => {
    await service();
    const owner = await endpoints([SUBSET], {
      labels: { team: 'a' },
      annotations: { note: 'mine', 'kubectl.kubernetes.io/last-applied-configuration': '{}' },
    });
    const found = await slices(2);
    const four = found.find(({ addressType }) => addressType === 'IPv4');

    expect(four?.metadata).toMatchObject({
      generateName: 'db-',
      labels: {
        team: 'a',
        'kubernetes.io/service-name': 'db',
        'endpointslice.kubernetes.io/managed-by': 'endpointslicemirroring-controller.k8s.io',
      },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Endpoints', name: 'db', uid: owner.metadata?.uid, controller: true }],
    });
    expect(four?.metadata?.annotations).toEqual({ note: 'mine' });
    expect(four?.ports).toEqual([{ name: 'sql', port: 5432, protocol: 'TCP', appProtocol: 'postgres' }]);
    expect(four?.endpoints).toEqual([
      { addresses: ['10.0.0.1'], conditions: { ready: true }, hostname: 'first', nodeName: 'n' },
      { addresses: ['10.0.0.2'], conditions: { ready: false } },
    ]);
    expect(addresses(found)).toEqual(['10.0.0.1 true', '10.0.0.2 false', 'fd00::1 true']);
  });

  it('follows changes, and writes only the slice that changes', async () => {
    await service();
    await endpoints([SUBSET, { addresses: [{ ip: '10.0.0.9' }], ports: [{ port: 80, protocol: 'TCP' }] }]);
    await slices(3);
    await turns();
    const before = world.writes.length;
    await replace([SUBSET, { addresses: [{ ip: '10.0.0.8' }], ports: [{ port: 80, protocol: 'TCP' }] }]);
    await eventually(async () => addresses(await all()).includes('10.0.0.8 true'));
    await turns();

    expect(world.writes.slice(before)).toHaveLength(1);
    expect(addresses(await all())).toEqual(['10.0.0.1 true', '10.0.0.2 false', '10.0.0.8 true', 'fd00::1 true']);
  });

  it.each([
    { title: 'its Endpoints are gone', act: () => world.client.resource(Endpoints).delete(WHERE) },
    { title: 'its Service is gone', act: () => world.client.resource(Service).delete(WHERE) },
    { title: 'they have no addresses left', act: () => replace([]) },
    {
      title: 'they are not to be mirrored',
      act: () =>
        world.client
          .resource(Endpoints)
          .patch(WHERE, 'merge', { metadata: { labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } } }),
    },
  ])('takes slices away when $title', async ({ act }) => {
    await service();
    await endpoints([SUBSET]);
    await slices(2);
    await act();

    expect(await slices(0)).toEqual([]);
  });

  it.each([
    { title: 'of a Service that selects pods', metadata: {}, selector: { app: 'db' }, want: 1 },
    {
      title: 'by which a leader is chosen',
      metadata: { annotations: { 'control-plane.alpha.kubernetes.io/leader': '{}' } },
      selector: undefined,
      want: 0,
    },
  ])('leaves Endpoints alone $title', async ({ metadata, selector, want }) => {
    await service(selector);
    await endpoints([SUBSET], metadata);
    await turns(200);
    const managers = (await all()).map((slice) => slice.metadata?.labels?.['endpointslice.kubernetes.io/managed-by']);

    expect(managers).toEqual(Array.from({ length: want }, () => 'endpointslice-controller.k8s.io'));
  });

  it('mirrors so many addresses of a subset, and says how many it has left out', async () => {
    await service();
    const ips = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5'];
    await endpoints([{ addresses: ips.map((ip) => ({ ip })), ports: [{ port: 80, protocol: 'TCP' }] }]);
    const found = await slices(1);
    const messages = await eventually(async () => {
      const { items } = await world.client.resource(Event).list({ namespace: 'default' });
      return items.length > 0 && items.map(({ message }) => message);
    });

    expect(addresses(found)).toHaveLength(3);
    expect(messages).toContain(
      'A max of 3 addresses can be mirrored to EndpointSlices per Endpoints subset. 2 addresses were skipped',
    );
  });

  it('puts right what somebody has changed in a slice', async () => {
    await service();
    await endpoints([SUBSET]);
    const [slice] = await slices(2);
    const where = { name: slice?.metadata?.name ?? '', namespace: 'default' };
    await world.client.resource(EndpointSlice).patch(where, 'merge', { endpoints: [] });

    await eventually(async () => addresses(await all()).length === 3);
    expect(await all()).toHaveLength(2);
  });
});
