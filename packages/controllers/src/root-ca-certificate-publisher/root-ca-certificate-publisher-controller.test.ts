import { eventually } from '@keelson/base/testing';
import { ConfigMap, Namespace } from '@keelson/api/core/v1';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startWorld, turns, type World } from '../testing/world.ts';
import { rootCaCertificatePublisherController } from './root-ca-certificate-publisher-controller.ts';

const WHERE = { name: 'kube-root-ca.crt', namespace: 'default' };

describe('root-ca-certificate-publisher-controller', () => {
  let world: World;

  beforeEach(async () => {
    world = await startWorld({ namespaces: ['default'] });
    await world.run(rootCaCertificatePublisherController({ rootCa: 'PEM' }));
  });

  afterEach(() => world[Symbol.asyncDispose]());

  const published = (namespace: string) =>
    eventually(async () => {
      const found = await world.client.resource(ConfigMap).find({ ...WHERE, namespace });
      const isDescribed = found?.metadata?.annotations?.['kubernetes.io/description'] !== undefined;
      return isDescribed && found?.data?.['ca.crt'] === 'PEM' && found;
    });

  it('publishes the certificates in old and new namespaces', async () => {
    await world.client.resource(Namespace).create({ metadata: { name: 'shop' } });

    await published('default');
    await published('shop');
  });

  it.each([
    { title: 'changed data', change: { data: { 'ca.crt': 'other', more: 'x' } } },
    { title: 'more data', change: { data: { more: 'x' } } },
    { title: 'no description', change: { metadata: { annotations: null } } },
  ])('repairs $title', async ({ change }) => {
    await published('default');

    await world.client.resource(ConfigMap).patch(WHERE, 'merge', change);

    await eventually(async () => Object.keys((await published('default')).data ?? {}).length === 1);
  });

  it('makes it again when it is deleted', async () => {
    await published('default');

    await world.client.resource(ConfigMap).delete(WHERE);

    await published('default');
  });

  it('keeps labels that others set, and writes nothing for them', async () => {
    await published('default');
    await turns();
    const before = world.writes.length;

    await world.client.resource(ConfigMap).patch(WHERE, 'merge', { metadata: { labels: { a: 'b' } } });
    await turns();

    expect(world.writes).toHaveLength(before);
  });
});
