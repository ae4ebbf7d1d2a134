import { eventually } from '@keelson/base/testing';
import { Endpoints, Pod, Service } from '@keelson/api/core/v1';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makePod, readyStatus } from '../testing/pods.ts';
import { startWorld, turns, type World } from '../testing/world.ts';
import { endpointsController } from './endpoints-controller.ts';

const WEB: Service = {
  metadata: { name: 'web', namespace: 'default', labels: { team: 'a' } },
  spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080, protocol: 'TCP' }] },
};
const WHERE = { name: 'web', namespace: 'default' };

describe('endpoints-controller', () => {
  let world: World;

  beforeEach(async () => {
    world = await startWorld({ namespaces: ['default'] });
    await world.run(endpointsController);
  });

  afterEach(() => world[Symbol.asyncDispose]());

  const pods = () => world.client.resource(Pod);
  const endpoints = (holds: (found: Endpoints) => boolean) =>
    eventually(async () => {
      const found = await world.client.resource(Endpoints).find(WHERE);
      return found && holds(found) && found;
    });
  const ready = ({ subsets }: Endpoints) => subsets?.[0]?.addresses?.map(({ ip }) => ip) ?? [];
  const addPod = async (name: string, ip: string): Promise<void> => {
    await pods().create(makePod(name));
    await pods().patchStatus({ name, namespace: 'default' }, 'merge', { status: readyStatus(ip) });
  };

  it('follows the pods of a service', async () => {
    await world.client.resource(Service).create(WEB);
    await addPod('a', '10.0.0.1');
    const one = await endpoints((found) => ready(found).length === 1);
    await pods().patchStatus({ name: 'a', namespace: 'default' }, 'merge', { status: readyStatus('10.0.0.1', false) });
    await endpoints(({ subsets }) => subsets?.[0]?.notReadyAddresses?.length === 1);
    await pods().delete({ name: 'a', namespace: 'default' }, { gracePeriodSeconds: 0 });
    await endpoints(({ subsets }) => subsets === undefined || subsets.length === 0);

    expect(one.metadata?.labels).toEqual({ team: 'a', 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' });
    expect(one.metadata?.annotations?.['endpoints.kubernetes.io/last-change-trigger-time']).toBeDefined();
    expect(one.subsets).toMatchObject([{ addresses: [{ nodeName: 'n' }], ports: [{ port: 8080, protocol: 'TCP' }] }]);
  });

  it('forgets pods that have ended, or that no longer match', async () => {
    await world.client.resource(Service).create(WEB);
    await addPod('a', '10.0.0.1');
    await addPod('b', '10.0.0.2');
    await endpoints((found) => ready(found).length === 2);

    await pods().patchStatus({ name: 'a', namespace: 'default' }, 'merge', { status: { phase: 'Succeeded' } });
    await pods().patch({ name: 'b', namespace: 'default' }, 'merge', { metadata: { labels: { app: 'other' } } });

    await endpoints((found) => ready(found).length === 0);
  });

  it('deletes the endpoints of a service that goes', async () => {
    await world.client.resource(Service).create(WEB);
    await endpoints(() => true);

    await world.client.resource(Service).delete(WHERE);

    await eventually(async () => (await world.client.resource(Endpoints).find(WHERE)) === undefined);
  });

  it('deletes the endpoints of a service that went while nobody looked, and of no other', async () => {
    await world.client.resource(Service).create(WEB);
    await endpoints(() => true);
    await world.stopControllers();
    await world.client.resource(Service).delete(WHERE);
    await world.client.resource(Endpoints).create({ metadata: { name: 'made-by-hand', namespace: 'default' } });

    await world.run(endpointsController);

    await eventually(async () => (await world.client.resource(Endpoints).find(WHERE)) === undefined);
    expect(await world.client.resource(Endpoints).find({ ...WHERE, name: 'made-by-hand' })).toBeDefined();
  });

  it('deletes the endpoints of a service that is gone before they are seen', async () => {
    world.lag = ({ path }) => (path.endsWith('/endpoints') ? 50 : 0);
    await world.client.resource(Service).create(WEB);
    await endpoints(() => true);

    await world.client.resource(Service).delete(WHERE);

    await eventually(async () => (await world.client.resource(Endpoints).find(WHERE)) === undefined);
  });

  it('makes them again when they are deleted', async () => {
    await world.client.resource(Service).create(WEB);
    const first = await endpoints(() => true);

    await world.client.resource(Endpoints).delete(WHERE);

    await endpoints(({ metadata }) => metadata?.uid !== first.metadata?.uid);
  });

  it('does not touch the endpoints of a service without a selector', async () => {
    await world.client.resource(Service).create({ ...WEB, spec: { ports: [{ port: 80 }] } });
    await world.client
      .resource(Endpoints)
      .create({ metadata: WHERE, subsets: [{ addresses: [{ ip: '192.0.2.1' }], ports: [{ port: 1 }] }] });
    await turns();

    expect(world.writes).toEqual([]);
  });

  it('says so when there are more than 1000 addresses', async () => {
    await world.stopControllers();
    await world.client.resource(Service).create(WEB);
    const all = Array.from({ length: 1_001 }, (_, at) => addPod(`p${at}`, `10.0.${at >> 8}.${at & 255}`));
    await Promise.all(all);
    await world.run(endpointsController);

    const full = await endpoints((found) => ready(found).length === 1_000);

    expect(full.metadata?.annotations?.['endpoints.kubernetes.io/over-capacity']).toBe('truncated');
  });

  it('writes nothing for changes that endpoints do not show', async () => {
    await world.client.resource(Service).create(WEB);
    await addPod('a', '10.0.0.1');
    await endpoints((found) => ready(found).length === 1);
    await turns();
    const before = world.writes.length;

    await pods().patch({ name: 'a', namespace: 'default' }, 'merge', { metadata: { annotations: { a: 'b' } } });
    await world.client.resource(Service).patch(WHERE, 'merge', { metadata: { annotations: { a: 'b' } } });
    await turns();

    expect(world.writes).toHaveLength(before);
  });
});
