import { eventually } from '@keelson/base/testing';
import { Event, Node, Pod, Service } from '@keelson/api/core/v1';
import { EndpointSlice } from '@keelson/api/discovery/v1';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makePod, readyStatus } from '../testing/pods.ts';
import { startWorld, turns, type World } from '../testing/world.ts';
import { endpointSliceController } from './endpoint-slice-controller.ts';

const WEB: Service = {
  metadata: { name: 'web', namespace: 'default', labels: { team: 'a' } },
  spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080, protocol: 'TCP' }] },
};
const WHERE = { name: 'web', namespace: 'default' };

describe('endpointslice-controller', () => {
  let world: World;

  beforeEach(async () => {
    world = await startWorld({ namespaces: ['default'] });
    await world.client.resource(Node).create({ metadata: { name: 'n' } });
    await world.run(endpointSliceController({ maxEndpoints: 3 }));
  });

  afterEach(() => world[Symbol.asyncDispose]());

  const pods = () => world.client.resource(Pod);
  const slices = (holds: (found: readonly EndpointSlice[]) => boolean) =>
    eventually(async () => {
      const { items } = await world.client.resource(EndpointSlice).list({ namespace: 'default' });
      return holds(items) && items;
    });
  const sizes = (found: readonly EndpointSlice[]) => found.map(({ endpoints = [] }) => endpoints.length).toSorted();
  const count = (found: readonly EndpointSlice[]) => found.reduce((sum, { endpoints = [] }) => sum + endpoints.length, 0);
  const addPod = async (at: number): Promise<void> => {
    await pods().create(makePod(`p${at}`));
    await pods().patchStatus({ name: `p${at}`, namespace: 'default' }, 'merge', { status: readyStatus(`10.0.0.${at}`) });
  };
  const addPods = async (size: number): Promise<void> => {
    for (let at = 1; at <= size; at += 1) await addPod(at);
  };
  const addService = () => world.client.resource(Service).create(WEB);
  const settled = async (): Promise<number> => {
    await turns();
    return world.writes.length;
  };

  it('has an empty slice for a service without pods, and writes it once', async () => {
    await addService();
    const [slice] = await slices((found) => found.length === 1);
    await turns();

    expect(world.writes).toHaveLength(1);
    expect(slice?.metadata).toMatchObject({
      generateName: 'web-',
      labels: {
        team: 'a',
        'kubernetes.io/service-name': 'web',
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
      },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name: 'web', controller: true, blockOwnerDeletion: true }],
    });
  });

  it('shares endpoints out among zones, as a Service asks for, and says when it cannot any more', async () => {
    const inZone = (name: string, zone: string): Node => ({
      metadata: { name, labels: { 'topology.kubernetes.io/zone': zone } },
      status: { allocatable: { cpu: '4' }, conditions: [{ type: 'Ready', status: 'True' }] },
    });
    await world.client.resource(Node).patchStatus({ name: 'n' }, 'merge', inZone('n', 'a'));
    await world.client.resource(Node).create(inZone('m', 'b'));
    await addPods(2);
    const annotations = { 'service.kubernetes.io/topology-mode': 'Auto' };
    await world.client.resource(Service).create({ ...WEB, metadata: { ...WEB.metadata, annotations } });
    const zones = (found: readonly EndpointSlice[]) =>
      found.flatMap(({ endpoints = [] }) => endpoints.map(({ hints }) => hints?.forZones?.[0]?.name)).toSorted();

    await slices((found) => zones(found).join() === 'a,b');
    await pods().delete({ name: 'p2', namespace: 'default' }, { gracePeriodSeconds: 0 });
    await slices((found) => count(found) === 1 && zones(found).join() === '');

    const told = await eventually(async () => {
      const { items } = await world.client.resource(Event).list({ namespace: 'default' });
      const about = items.filter(({ involvedObject }) => involvedObject.name === 'web').map(({ reason }) => reason);
      return about.length === 2 && about;
    });
    expect(told.toSorted()).toEqual(['TopologyAwareHintsDisabled', 'TopologyAwareHintsEnabled']);
  });

  it('turns the empty slice into the first one', async () => {
    await addService();
    const [empty] = await slices((found) => found.length === 1);

    await addPod(1);
    const [filled] = await slices((found) => count(found) === 1);

    expect(filled?.metadata?.uid).toBe(empty?.metadata?.uid);
    expect(filled?.ports).toMatchObject([{ name: '', port: 8080, protocol: 'TCP' }]);
    expect(filled?.metadata?.annotations?.['endpoints.kubernetes.io/last-change-trigger-time']).toBeDefined();
  });

  it('packs slices, and changes only the one that must change', async () => {
    await addPods(7);
    await addService();
    const before = await slices((found) => count(found) === 7);
    const written = await settled();

    await pods().delete({ name: 'p1', namespace: 'default' }, { gracePeriodSeconds: 0 });
    await slices((found) => count(found) === 6);

    expect(sizes(before)).toEqual([1, 3, 3]);
    expect((await settled()) - written).toBe(1);
  });

  it('never makes a slice twice while its cache is behind', async () => {
    world.lag = ({ path }) => (path.endsWith('/endpointslices') ? 50 : 0);
    await addService();

    await addPods(9);
    await slices((all) => count(all) === 9);
    await turns(200);

    const found = await slices((all) => all.length > 0);
    expect(sizes(found)).toEqual([3, 3, 3]);
    expect(world.writes.filter((write) => write.startsWith('POST'))).toHaveLength(3);
  });

  it('repairs a slice that someone changes or deletes', async () => {
    await addService();
    await addPod(1);
    const [slice] = await slices((found) => count(found) === 1);
    const where = { name: slice?.metadata?.name ?? '', namespace: 'default' };

    await world.client.resource(EndpointSlice).patch(where, 'merge', { endpoints: [{ addresses: ['192.0.2.1'] }] });
    await slices((found) => found.some(({ endpoints }) => endpoints?.[0]?.addresses[0] === '10.0.0.1'));
    await world.client.resource(EndpointSlice).delete(where);

    await slices((found) => count(found) === 1 && found[0]?.metadata?.uid !== slice?.metadata?.uid);
  });

  it('shows a pod that is being deleted as terminating, and still serving', async () => {
    await addService();
    await addPod(1);
    await slices((found) => count(found) === 1);

    await pods().delete({ name: 'p1', namespace: 'default' });

    const [slice] = await slices((found) => found[0]?.endpoints?.[0]?.conditions?.terminating === true);
    expect(slice?.endpoints?.[0]?.conditions).toEqual({ ready: false, serving: true, terminating: true });
  });

  it('deletes the slices of a service that goes, and makes new ones for the next of that name', async () => {
    await addService();
    await addPod(1);
    const [old] = await slices((found) => count(found) === 1);

    await world.client.resource(Service).delete(WHERE);
    await slices((found) => found.length === 0);
    await addService();
    const [fresh] = await slices((found) => count(found) === 1);

    expect(fresh?.metadata?.ownerReferences?.[0]?.uid).not.toBe(old?.metadata?.ownerReferences?.[0]?.uid);
  });

  it('deletes the slices of a service that is gone before they are seen', async () => {
    world.lag = ({ path }) => (path.endsWith('/endpointslices') ? 50 : 0);
    await addService();
    await slices((found) => found.length === 1);

    await world.client.resource(Service).delete(WHERE);

    await slices((found) => found.length === 0);
  });

  it('replaces slices of an earlier service of the same name', async () => {
    await addService();
    await slices((found) => found.length === 1);
    await world.stopControllers();
    await world.client.resource(Service).delete(WHERE);
    const next = await addService();

    await world.run(endpointSliceController());

    await slices((found) => found.length === 1 && found[0]?.metadata?.ownerReferences?.[0]?.uid === next.metadata?.uid);
  });

  it('adds a pod when its node comes, and follows the zone of the node', async () => {
    await addService();
    await pods().create(makePod('lost', { nodeName: 'm' }));
    await pods().patchStatus({ name: 'lost', namespace: 'default' }, 'merge', { status: readyStatus('10.0.0.9') });
    await turns();
    const [empty] = await slices((found) => found.length === 1);

    await world.client.resource(Node).create({ metadata: { name: 'm' } });
    await slices((found) => count(found) === 1);
    await world.client
      .resource(Node)
      .patch({ name: 'm' }, 'merge', { metadata: { labels: { 'topology.kubernetes.io/zone': 'z' } } });

    await slices((found) => found[0]?.endpoints?.[0]?.zone === 'z');
    expect(count(empty ? [empty] : [])).toBe(0);
  });

  it('leaves services alone that have no selector, or are a name elsewhere', async () => {
    await world.client.resource(Service).create({ ...WEB, spec: { ports: [{ port: 80 }] } });
    const elsewhere = { type: 'ExternalName', externalName: 'example.com', selector: { app: 'web' } } as const;
    await world.client.resource(Service).create({ metadata: { ...WHERE, name: 'out' }, spec: elsewhere });

    expect(await settled()).toBe(0);
  });

  it('does not touch slices that others manage', async () => {
    const labels = { 'kubernetes.io/service-name': 'web', 'endpointslice.kubernetes.io/managed-by': 'me' };
    await world.client
      .resource(EndpointSlice)
      .create({ metadata: { ...WHERE, name: 'mine', labels }, addressType: 'IPv4', endpoints: [] });

    await addService();
    await slices((found) => found.length === 2);

    expect(await settled()).toBe(1);
  });

  it('writes nothing for changes that slices do not show', async () => {
    await addService();
    await addPod(1);
    await slices((found) => count(found) === 1);
    const before = await settled();

    await pods().patch({ name: 'p1', namespace: 'default' }, 'merge', { metadata: { annotations: { a: 'b' } } });
    await world.client.resource(Node).patchStatus({ name: 'n' }, 'merge', { status: { phase: 'Running' } });

    expect(await settled()).toBe(before);
  });
});
