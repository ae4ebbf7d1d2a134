import { eventually } from '@keelson/base/testing';
import { applySet, planWrites } from '@keelson/controller-runtime';
import { ConfigMap, Secret } from '@keelson/api/core/v1';
import { Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { startCluster } from './cluster.ts';

const small = { nodes: 0, controllers: false, scheduler: false } as const;
const at = (name: string) => ({ name, namespace: 'default' });

describe('a controller in a test cluster', () => {
  it('makes what an object names, and takes away what it names no more', async () => {
    await using cluster = await startCluster(small);
    await cluster.control({
      for: ConfigMap,
      select: { namespace: 'default', labelSelector: 'makes=secrets' },
      owns: [Secret],
      reconcile: async (map, { client }) => {
        const names = map.data?.['names']?.split(' ') ?? [];
        const desired = names.map((name) => ({ kind: Secret, object: { metadata: at(name) } }));
        await applySet(desired, { client, fieldManager: 'test', owner: { kind: ConfigMap, object: map }, prunes: [Secret] });
      },
    });
    const names = async (): Promise<string> =>
      (await cluster.client.resource(Secret).list({ namespace: 'default' })).items
        .map(({ metadata }) => metadata?.name)
        .join(' ');
    await cluster.client.resource(Secret).create({ metadata: at('mine') });

    await cluster.client
      .resource(ConfigMap)
      .create({ metadata: { ...at('m'), labels: { makes: 'secrets' } }, data: { names: 'a b' } });
    await eventually(async () => (await names()) === 'a b mine');
    await cluster.client.resource(ConfigMap).patch(at('m'), 'merge', { data: { names: 'b c' } });

    await eventually(async () => (await names()) === 'b c mine');
    await cluster.client.resource(Secret).delete(at('c'));
    await eventually(async () => (await names()) === 'b c mine');
  });

  it('takes back what somebody has changed of its own, and leaves the rest', async () => {
    await using cluster = await startCluster(small);
    const maps = cluster.client.resource(ConfigMap);
    await cluster.control({
      for: ConfigMap,
      select: { namespace: 'default', labelSelector: 'makes=maps' },
      owns: [ConfigMap],
      reconcile: async (object, { client }) => {
        const desired = [{ kind: ConfigMap, object: { metadata: at('part'), data: { own: '1' } } }];
        await applySet(desired, { client, fieldManager: 'test', owner: { kind: ConfigMap, object } });
      },
    });
    await maps.create({ metadata: { ...at('m'), labels: { makes: 'maps' } } });
    await eventually(() => maps.find(at('part')));

    await maps.patch(at('part'), 'merge', { data: { own: '2', other: '3' } });

    await eventually(async () => (await maps.get(at('part'))).data?.['own'] === '1');
    expect((await maps.get(at('part'))).data).toEqual({ own: '1', other: '3' });
  });

  it('fails its test when it never comes to rest', async () => {
    const cluster = await startCluster({ ...small, hotLoop: { reconciliations: 20, withinMs: 60_000 } });
    await cluster.control({
      name: 'restless',
      for: ConfigMap,
      select: { namespace: 'default' },
      reconcile: async ({ data }, { client, key }) => {
        await client.resource(ConfigMap).patch(key, 'merge', { data: { count: `${Number(data?.['count'] ?? 0) + 1}` } });
      },
    });
    await cluster.client.resource(ConfigMap).create({ metadata: at('a') });
    await eventually(() => cluster.problems.length > 0);

    await expect(cluster.close()).rejects.toThrow('controller "restless" reconciled "default/a" 20 times');
  });

  it('fails its test when a stream fails and nobody handles that', async () => {
    const cluster = await startCluster(small);
    const stream = new Subject<number>();
    stream.subscribe(() => undefined);

    stream.error(new Error('broken pipe'));
    await eventually(() => cluster.problems.length > 0);

    await expect(cluster.close()).rejects.toThrow('nobody handles that: broken pipe');
  });
});

describe('planWrites', () => {
  it('says what would be written, as the server would make it, and writes nothing', async () => {
    await using cluster = await startCluster(small);
    const maps = cluster.client.resource(ConfigMap);
    await maps.create({ metadata: at('same'), data: { x: '1' } });
    await maps.create({ metadata: at('going') });

    const writes = await planWrites(cluster.client, async (dry) => {
      await dry.resource(ConfigMap).create({ metadata: at('new') });
      await dry.resource(ConfigMap).patch(at('same'), 'merge', { data: { x: '1' } });
      await dry.resource(ConfigMap).delete(at('going'));
    });

    expect(writes).toMatchObject([
      { method: 'POST', after: { metadata: { name: 'new', uid: expect.any(String) } } },
      { method: 'DELETE', before: { metadata: { name: 'going' } } },
    ]);
    expect(writes[1]?.after).toBeUndefined();
    const { items } = await maps.list({ namespace: 'default' });
    expect(items.map(({ metadata }) => metadata?.name)).toEqual(['going', 'same']);
  });
});
