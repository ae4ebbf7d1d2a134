import { ConfigMap, Namespace, Pod, Secret } from '@keelson/api/core/v1';
import { KeelsonError } from '@keelson/base';
import { eventually, ManualClock } from '@keelson/base/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startWorld, turns, type World } from '../testing/world.ts';
import { defineWidgets, Widget } from '../testing/widgets.ts';
import { namespaceController } from './namespace-controller.ts';

describe('namespace-controller', () => {
  let world: World;
  let clock: ManualClock;

  beforeEach(async () => {
    clock = new ManualClock();
    world = await startWorld({ clock, namespaces: ['default', 'shop'] });
    await world.run(namespaceController);
  });

  afterEach(() => world[Symbol.asyncDispose]());

  const find = () => world.client.resource(Namespace).find({ name: 'shop' });
  const remove = () => world.client.resource(Namespace).delete({ name: 'shop' });
  const condition = (type: string) =>
    eventually(async () => (await find())?.status?.conditions?.find((each) => each.type === type && each.status === 'True'));
  const gone = () => eventually(async () => (await find()) === undefined);
  const pod = (nodeName?: string): Pod => ({
    metadata: { name: 'web', namespace: 'shop' },
    spec: { ...(nodeName && { nodeName }), terminationGracePeriodSeconds: 20, containers: [{ name: 'c', image: 'i' }] },
  });

  it('deletes all that is in a namespace, and then the namespace', async () => {
    await world.client.resource(ConfigMap).create({ metadata: { name: 'a', namespace: 'shop' } });
    await world.client.resource(Secret).create({ metadata: { name: 'a', namespace: 'shop' } });
    await world.client.resource(Pod).create(pod());
    await world.client.resource(ConfigMap).create({ metadata: { name: 'a', namespace: 'default' } });

    await remove();
    await gone();

    expect((await world.client.resource(ConfigMap).list()).items.map(({ metadata }) => metadata?.namespace)).toEqual(['default']);
    expect((await world.client.resource(Secret).list()).items).toEqual([]);
  });

  it('finishes what was begun while it was not there', async () => {
    await world.stopControllers();
    await remove();

    await world.run(namespaceController);

    await gone();
  });

  it('waits for running pods before it touches anything else, and goes on as soon as they end', async () => {
    await world.client.resource(Pod).create(pod('node-1'));
    await world.client.resource(ConfigMap).create({ metadata: { name: 'a', namespace: 'shop' } });

    await remove();
    const remaining = await condition('NamespaceContentRemaining');
    const kept = await world.client.resource(ConfigMap).find({ name: 'a', namespace: 'shop' });
    await world.client.resource(Pod).delete({ name: 'web', namespace: 'shop' }, { gracePeriodSeconds: 0 });
    await turns();
    await clock.advance(100);
    await gone();

    expect(remaining).toMatchObject({
      reason: 'SomeResourcesRemain',
      message: 'Some resources are remaining: pods. has 1 resource instances',
    });
    expect(kept).toBeDefined();
  });

  it('says which finalizers it waits for, and looks again', async () => {
    const where = { name: 'a', namespace: 'shop' };
    await world.client.resource(ConfigMap).create({ metadata: { ...where, finalizers: ['example.com/hold'] } });

    await remove();
    const finalizers = await condition('NamespaceFinalizersRemaining');
    const fine = (await find())?.status?.conditions?.filter(({ status }) => status === 'False');
    await world.client.resource(ConfigMap).patch(where, 'merge', { metadata: { finalizers: null } });
    await clock.advance(8_000);
    await gone();

    expect(finalizers).toMatchObject({
      reason: 'SomeFinalizersRemain',
      message: 'Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances',
    });
    expect(fine).toMatchObject([
      { type: 'NamespaceDeletionDiscoveryFailure', reason: 'ResourcesDiscovered' },
      { type: 'NamespaceDeletionGroupVersionParsingFailure', reason: 'ParsedGroupVersions' },
      { type: 'NamespaceDeletionContentFailure', reason: 'ContentDeleted' },
    ]);
  });

  it('writes nothing while nothing changes', async () => {
    await world.client
      .resource(ConfigMap)
      .create({ metadata: { name: 'a', namespace: 'shop', finalizers: ['example.com/hold'] } });
    await remove();
    await condition('NamespaceFinalizersRemaining');
    const statuses = () => world.writes.filter((write) => write.endsWith('/status')).length;
    const before = statuses();

    await clock.advance(30_000);

    expect(statuses()).toBe(before);
  });

  it('deletes custom objects', async () => {
    await defineWidgets(world.client);
    await world.client.resource(Widget).create({ metadata: { name: 'a', namespace: 'shop' } });
    await world.client.resource(Widget).create({ metadata: { name: 'a', namespace: 'default' } });

    await remove();
    await gone();

    const { items } = await world.client.resource(Widget).list();
    expect(items.map(({ metadata }) => metadata?.namespace)).toEqual(['default']);
  });

  it('keeps the namespace while it cannot find out all that may be in it, and says so', async () => {
    const items = [{ metadata: { name: 'broken.example.com' }, versions: [{ version: 'v1', freshness: 'Stale' }] }];
    world.answer = ({ path }) => (path === '/apis' ? { kind: 'APIGroupDiscoveryList', items } : undefined);
    await world.client.resource(ConfigMap).create({ metadata: { name: 'a', namespace: 'shop' } });

    await remove();
    const failed = await condition('NamespaceDeletionDiscoveryFailure');
    const content = await world.client.resource(ConfigMap).list({ namespace: 'shop' });
    world.answer = () => undefined;
    await clock.advance(1_000);
    await gone();

    expect(failed).toMatchObject({
      reason: 'DiscoveryFailed',
      message:
        'Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: broken.example.com/v1: stale GroupVersion discovery: broken.example.com/v1',
    });
    expect(content.items).toEqual([]);
  });

  it('says what it cannot delete, and goes on with the rest', async () => {
    await world.client.resource(ConfigMap).create({ metadata: { name: 'a', namespace: 'shop' } });
    await world.client.resource(Secret).create({ metadata: { name: 'a', namespace: 'shop' } });
    world.failure = ({ method, path }) =>
      method === 'DELETE' && path.endsWith('/configmaps') ? new KeelsonError('Forbidden', 'not you') : undefined;

    await remove();
    const failed = await condition('NamespaceDeletionContentFailure');
    const kept = await world.client.resource(Secret).list({ namespace: 'shop' });
    world.failure = () => undefined;
    await clock.advance(1_000);
    await gone();

    expect(failed).toMatchObject({
      reason: 'ContentDeletionFailed',
      message: 'Failed to delete all resource types, 1 remaining: not you',
    });
    expect(kept.items).toEqual([]);
  });

  it('keeps a namespace for the finalizers of others', async () => {
    await world.client.resource(Namespace).patch({ name: 'shop' }, 'merge', { metadata: { finalizers: ['example.com/hold'] } });
    await remove();
    await eventually(async () => (await find())?.spec?.finalizers === undefined);

    await world.client.resource(Namespace).patch({ name: 'shop' }, 'merge', { metadata: { finalizers: null } });

    await gone();
  });
});
