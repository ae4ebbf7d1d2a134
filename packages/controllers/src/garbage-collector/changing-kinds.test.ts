import { controllerReference, type KubernetesObject } from '@keelson/api';
import { ConfigMap, Secret } from '@keelson/api/core/v1';
import { KeelsonError } from '@keelson/base';
import { eventually, ManualClock } from '@keelson/base/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defineWidgets, serveWidgets, Widget } from '../testing/widgets.ts';
import { startWorld, turns, type World } from '../testing/world.ts';
import { garbageCollectorController } from './garbage-collector-controller.ts';

const WHERE = { name: 'owner', namespace: 'default' };

describe('garbage-collector-controller, while kinds come and go', () => {
  let world: World;
  let clock: ManualClock;

  beforeEach(async () => {
    clock = new ManualClock();
    world = await startWorld({ clock, namespaces: ['default'] });
  });

  afterEach(() => world[Symbol.asyncDispose]());

  const secrets = () => world.client.resource(Secret);
  const addDependent = (owner: KubernetesObject, kind = Widget) =>
    secrets().create({ metadata: { name: 'd', namespace: 'default', ownerReferences: [controllerReference(owner, kind)] } });
  const find = () => secrets().find({ name: 'd', namespace: 'default' });
  const gone = () => eventually(async () => (await find()) === undefined);
  const addWidget = () => world.client.resource(Widget).create({ metadata: WHERE });
  /** Long enough for the next look at what is served. */
  const refresh = async (): Promise<void> => {
    await clock.advance(30_000);
    await turns();
  };

  it('follows the objects of a kind that is defined later', async () => {
    await world.run(garbageCollectorController);
    await defineWidgets(world.client);
    await refresh();

    await addDependent(await addWidget());
    await turns();
    await world.client.resource(Widget).delete(WHERE);

    await gone();
  });

  it('keeps the dependents of objects whose kind goes', async () => {
    const served = serveWidgets(world.api);
    await world.run(garbageCollectorController);
    await addDependent(await addWidget());
    await turns();

    served[Symbol.dispose]();
    await refresh();
    await refresh();

    expect(await find()).toBeDefined();
    expect(world.writes).toEqual([]);
  });

  it('keeps the dependents of a kind that goes while it looks for an owner', async () => {
    const served = serveWidgets(world.api);
    const owner = await addWidget();
    await addDependent({ ...owner, metadata: { ...owner.metadata, uid: '00000000-0000-4000-8000-000000000000' } });
    world.failure = ({ method, path }) => {
      if (method === 'GET' && path.endsWith('/widgets/owner')) served[Symbol.dispose]();
      return undefined;
    };

    await world.run(garbageCollectorController);
    await turns();

    expect(world.calls).toContain('GET /apis/example.com/v1/namespaces/default/widgets/owner');
    expect(await find()).toBeDefined();
  });

  it('deletes nothing until it has seen all objects of all kinds', async () => {
    world.failure = ({ method, path }) =>
      method === 'GET' && path === '/apis/apps/v1/deployments' ? new KeelsonError('ServiceUnavailable', 'away') : undefined;
    const owner = await world.client.resource(ConfigMap).create({ metadata: WHERE });
    await addDependent(owner, ConfigMap);
    await world.run(garbageCollectorController);

    await world.client.resource(ConfigMap).delete(WHERE, { propagationPolicy: 'Foreground' });
    await clock.advance(5_000);
    await turns();
    const before = [...world.writes];
    world.failure = () => undefined;
    await clock.advance(60_000);

    await gone();
    expect(before).toEqual([]);
  });

  it('goes on with what it knows when the server cannot say what it offers', async () => {
    await world.run(garbageCollectorController);
    const owner = await world.client.resource(ConfigMap).create({ metadata: WHERE });
    await addDependent(owner, ConfigMap);
    await turns();
    world.failure = ({ path }) => (path === '/apis' ? new KeelsonError('ServiceUnavailable', 'away') : undefined);
    await refresh();

    await world.client.resource(ConfigMap).delete(WHERE);

    await gone();
  });

  it('does not take a group that cannot be asked for one that is gone', async () => {
    await world.run(garbageCollectorController);
    const owner = await world.client.resource(ConfigMap).create({ metadata: WHERE });
    await addDependent(owner, ConfigMap);
    await turns();
    const items = [{ versions: [{ version: 'v1', freshness: 'Stale', resources: [] }] }];
    world.answer = ({ path }) => (path === '/api' ? { kind: 'APIGroupDiscoveryList', items } : undefined);
    await refresh();

    await world.client.resource(ConfigMap).delete(WHERE);

    await gone();
  });
});
