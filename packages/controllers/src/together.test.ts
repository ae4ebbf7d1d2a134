import { Deployment } from '@keelson/api/apps/v1';
import { ConfigMap, Namespace, Pod, Service, ServiceAccount } from '@keelson/api/core/v1';
import { EndpointSlice } from '@keelson/api/discovery/v1';
import { eventually, ManualClock } from '@keelson/base/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { builtinControllers } from './builtin-controllers.ts';
import { startWorld, turns, type World } from './testing/world.ts';

const LABELS = { app: 'web' };

describe('all built-in controllers together', () => {
  let world: World;
  let clock: ManualClock;

  beforeEach(async () => {
    clock = new ManualClock();
    world = await startWorld({ clock, serviceAccounts: false });
    await world.run(...Object.values(builtinControllers({ rootCa: 'PEM' })));
    await world.client.resource(Namespace).create({ metadata: { name: 'shop' } });
    await eventually(() => world.client.resource(ServiceAccount).find({ name: 'default', namespace: 'shop' }));
  });

  afterEach(() => world[Symbol.asyncDispose]());

  const pods = async () => (await world.client.resource(Pod).list({ namespace: 'shop' })).items;
  const deploy = async (): Promise<void> => {
    const template = { metadata: { labels: LABELS }, spec: { containers: [{ name: 'c', image: 'i' }] } };
    const spec = { replicas: 2, selector: { matchLabels: LABELS }, template };
    await world.client.resource(Deployment).create({ metadata: { name: 'web', namespace: 'shop' }, spec });
    await world.client
      .resource(Service)
      .create({ metadata: { name: 'web', namespace: 'shop' }, spec: { selector: LABELS, ports: [{ port: 80 }] } });
    await eventually(async () => (await pods()).length === 2);
    await eventually(async () => (await world.client.resource(EndpointSlice).list({ namespace: 'shop' })).items.length === 1);
    await turns(200);
  };

  it('write nothing when all is as it should be', async () => {
    await deploy();
    const before = [...world.writes];

    await clock.advance(120_000);
    await turns(200);

    expect(world.writes).toEqual(before);
  });

  it('delete all that a deployment has made', async () => {
    await deploy();

    await world.client.resource(Deployment).delete({ name: 'web', namespace: 'shop' }, { propagationPolicy: 'Foreground' });

    await eventually(async () => (await world.client.resource(Deployment).list({ namespace: 'shop' })).items.length === 0);
    expect(await pods()).toEqual([]);
  });

  it('let a namespace go with all that is in it, and make nothing in it again', async () => {
    await deploy();

    await world.client.resource(Namespace).delete({ name: 'shop' });
    await eventually(async () => {
      await clock.advance(1_000);
      return (await world.client.resource(Namespace).find({ name: 'shop' })) === undefined;
    });
    await clock.advance(60_000);
    await turns(200);

    const left = await Promise.all(
      [Pod, Deployment, ConfigMap, ServiceAccount, EndpointSlice].map((kind) =>
        world.client.resource<object>(kind).list({ namespace: 'shop' }),
      ),
    );
    expect(left.flatMap(({ items }) => items)).toEqual([]);
  });
});
