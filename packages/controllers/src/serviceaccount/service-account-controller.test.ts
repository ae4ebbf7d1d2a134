import { eventually } from '@keelson/base/testing';
import { Namespace, ServiceAccount } from '@keelson/api/core/v1';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startWorld, turns, type World } from '../testing/world.ts';
import { serviceAccountController } from './service-account-controller.ts';

describe('serviceaccount-controller', () => {
  let world: World;

  beforeEach(async () => {
    world = await startWorld({ serviceAccounts: false, namespaces: ['default'] });
    await world.run(serviceAccountController);
  });

  afterEach(() => world[Symbol.asyncDispose]());

  const find = (namespace: string) => world.client.resource(ServiceAccount).find({ name: 'default', namespace });

  it('gives old and new namespaces their account', async () => {
    await world.client.resource(Namespace).create({ metadata: { name: 'shop' } });

    await eventually(() => find('default'));
    await eventually(() => find('shop'));
  });

  it('makes it again when it is deleted', async () => {
    const first = await eventually(() => find('default'));

    await world.client.resource(ServiceAccount).delete({ name: 'default', namespace: 'default' });

    const second = await eventually(() => find('default'));
    expect(second.metadata?.uid).not.toBe(first.metadata?.uid);
  });

  it('leaves a namespace alone that is being deleted', async () => {
    await world.client.resource(Namespace).create({ metadata: { name: 'shop' } });
    await eventually(() => find('shop'));
    await world.client.resource(Namespace).delete({ name: 'shop' });

    await world.client.resource(ServiceAccount).delete({ name: 'default', namespace: 'shop' });
    await turns();

    expect(await find('shop')).toBeUndefined();
  });

  it('writes nothing when nothing is missing', async () => {
    await eventually(() => find('default'));
    await turns();
    const before = world.writes.length;

    await world.client.resource(Namespace).patch({ name: 'default' }, 'merge', { metadata: { labels: { a: 'b' } } });
    await turns();

    expect(world.writes).toHaveLength(before);
    expect(before).toBe(1);
  });
});
