import { eventually } from '@keelson/base/testing';
import { ConfigMap, Secret } from '@keelson/api/core/v1';
import { describe, expect, it } from 'vitest';
import { startCluster } from './cluster.ts';

const small = { nodes: 0, controllers: false, scheduler: false } as const;
const at = (name: string) => ({ name, namespace: 'default' });

describe('a snapshot of a test cluster', () => {
  it('is what other clusters begin with, each by itself', async () => {
    await using first = await startCluster(small);
    const made = await first.client.resource(ConfigMap).create({ metadata: at('a'), data: { x: '1' } });
    const snapshot = first.snapshot();
    await first.client.resource(ConfigMap).patch(at('a'), 'merge', { data: { x: '2' } });

    await using second = await startCluster({ ...small, from: snapshot });
    await using third = await first.fork();
    const then = await second.client.resource(ConfigMap).get(at('a'));
    await second.client.resource(ConfigMap).delete(at('a'));

    expect(then.metadata?.uid).toBe(made.metadata?.uid);
    expect(then.data).toEqual({ x: '1' });
    expect((await third.client.resource(ConfigMap).get(at('a'))).data).toEqual({ x: '2' });
    expect((await first.client.resource(ConfigMap).get(at('a'))).data).toEqual({ x: '2' });
  });

  it('is put back as ordinary changes, which everybody sees', async () => {
    await using cluster = await startCluster(small);
    const maps = cluster.client.resource(ConfigMap);
    const secrets = cluster.informers.for(Secret);
    const informer = cluster.informers.for(ConfigMap, { namespace: 'default' });
    await Promise.all([informer.whenSynced(), secrets.whenSynced()]);
    await maps.create({ metadata: at('changed'), data: { x: '1' } });
    await maps.create({ metadata: at('deleted') });
    const snapshot = cluster.snapshot();
    await maps.patch(at('changed'), 'merge', { data: { x: '2' } });
    await maps.delete(at('deleted'));
    const added = await cluster.client.resource(Secret).create({ metadata: at('added') });

    await cluster.restore(snapshot);

    await eventually(() => informer.get('deleted', 'default') && !secrets.get('added', 'default'));
    const restored = await maps.get(at('changed'));
    expect(restored.data).toEqual({ x: '1' });
    expect(Number(restored.metadata?.resourceVersion)).toBeGreaterThan(Number(added.metadata?.resourceVersion));
  });
});
