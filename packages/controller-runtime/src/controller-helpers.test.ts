import { labelSelectorFrom } from '@keelson/api';
import { ReplicaSet } from '@keelson/api/apps/v1';
import { ConfigMap, Pod } from '@keelson/api/core/v1';
import { KeelsonError } from '@keelson/base';
import { ManualClock } from '@keelson/base/testing';
import { createClient, type Client } from '@keelson/client';
import { beforeEach, describe, expect, it } from 'vitest';
import { addFinalizer, createOrUpdate, hasFinalizer, patchStatusIfChanged, removeFinalizer } from './apply.ts';
import { Expectations } from './expectations.ts';
import { ControllerRefManager, stillThere } from './ownership.ts';
import { slowStartBatch } from './slow-start-batch.ts';
import { MemoryApi } from './testing/memory-api.ts';

describe('Expectations', () => {
  it('are satisfied once all creations were seen', () => {
    const expectations = new Expectations({ clock: new ManualClock() });
    const seen = [expectations.satisfied('a')];
    expectations.expectCreations('a', 2);
    seen.push(expectations.satisfied('a'));
    expectations.creationObserved('a');
    seen.push(expectations.satisfied('a'));
    expectations.creationObserved('a');
    seen.push(expectations.satisfied('a'), expectations.satisfied('b'));

    expect(seen).toEqual([true, false, false, true, true]);
  });

  it('count a deletion once however often it is seen', () => {
    const expectations = new Expectations({ clock: new ManualClock() });
    expectations.expectDeletions('a', ['u1', 'u2']);
    expectations.deletionObserved('a', 'u1');
    expectations.deletionObserved('a', 'u1');
    const before = expectations.satisfied('a');
    expectations.deletionObserved('a', 'u2');

    expect([before, expectations.satisfied('a')]).toEqual([false, true]);
  });

  it('run out after five minutes', async () => {
    const clock = new ManualClock();
    const expectations = new Expectations({ clock });
    expectations.expectDeletions('a', 1);
    await clock.advance(5 * 60_000);
    const before = expectations.satisfied('a');
    await clock.advance(1);

    expect([before, expectations.satisfied('a')]).toEqual([false, true]);
  });
});

describe('slowStartBatch', () => {
  it.each([
    { title: 'grows from one', count: 10, failAt: -1, batches: [1, 2, 4, 3], successes: 10 },
    { title: 'begins no batch after a failure', count: 10, failAt: 2, batches: [1, 2], successes: 2 },
    { title: 'stops at the first call', count: 1_000, failAt: 0, batches: [1], successes: 0 },
    { title: 'does nothing for nothing', count: 0, failAt: -1, batches: [], successes: 0 },
  ])('$title', async ({ count, failAt, batches, successes }) => {
    const sizes: number[] = [];
    let pending = 0;
    const result = await slowStartBatch(count, 1, async (index) => {
      if (pending++ === 0) sizes.push(0);
      sizes[sizes.length - 1] = pending;
      await new Promise((resolve) => setImmediate(resolve));
      pending -= 1;
      if (index === failAt) throw new Error('quota');
    });

    expect([sizes, result.successes, result.error instanceof Error]).toEqual([batches, successes, failAt >= 0]);
  });
});

describe('objects', () => {
  let api: MemoryApi;
  let client: Client;
  const name = { name: 'a', namespace: 'dev' };

  beforeEach(() => {
    api = new MemoryApi();
    client = createClient(api);
  });

  it('are created, updated, or left alone', async () => {
    const want = (value: string) => (known?: ConfigMap) => ({ ...known, data: { ...known?.data, key: value } });

    const results = [
      await createOrUpdate(client, ConfigMap, name, want('1')),
      await createOrUpdate(client, ConfigMap, name, want('1')),
      await createOrUpdate(client, ConfigMap, name, want('2')),
    ];

    expect(results.map(({ result, object }) => [result, object.data?.['key'], object.metadata?.resourceVersion])).toEqual([
      ['created', '1', '1'],
      ['unchanged', '1', '1'],
      ['updated', '2', '2'],
    ]);
  });

  it('are updated from their newest state when two write at once', async () => {
    await createOrUpdate(client, ConfigMap, name, (known) => ({ ...known, data: {} }));
    const add = (key: string) =>
      createOrUpdate(client, ConfigMap, name, (known) => ({ ...known, data: { ...known?.data, [key]: 'x' } }));

    await Promise.all([add('one'), add('two'), add('three')]);

    expect((await client.resource(ConfigMap).get(name)).data).toEqual({ one: 'x', two: 'x', three: 'x' });
  });

  it('get only those fields of a status that differ', async () => {
    const pod = await client.resource(Pod).create({ metadata: { ...name }, status: { phase: 'Pending', podIP: '10.0.0.1' } });
    const writes = (): number => api.calls.filter((call) => call.startsWith('PATCH')).length;

    const same = await patchStatusIfChanged(client, Pod, pod, { phase: 'Pending' });
    expect([same, writes()]).toEqual([pod, 0]);
    const changed = await patchStatusIfChanged(client, Pod, pod, { phase: 'Running', podIP: undefined });

    expect([changed.status, writes()]).toEqual([{ phase: 'Running' }, 1]);
    await expect(patchStatusIfChanged(client, Pod, pod, { phase: 'Failed' })).rejects.toMatchObject({ reason: 'Conflict' });
  });

  it('keep the finalizers of others when one comes or goes', async () => {
    const stale = await client.resource(ConfigMap).create({ metadata: { ...name, finalizers: ['x/other'] } });
    await createOrUpdate(client, ConfigMap, name, (known) => ({ ...known, data: { changed: 'meanwhile' } }));

    const added = await addFinalizer(client, ConfigMap, stale, 'x/mine');
    const writes = api.calls.length;
    await addFinalizer(client, ConfigMap, added ?? {}, 'x/mine');
    expect([added?.metadata?.finalizers, hasFinalizer(added ?? {}, 'x/mine'), api.calls.length]).toEqual([
      ['x/other', 'x/mine'],
      true,
      writes,
    ]);
    await client.resource(ConfigMap).delete(name);
    const removed = await removeFinalizer(client, ConfigMap, added ?? {}, 'x/mine');

    expect(removed).toBeDefined();
    expect((await client.resource(ConfigMap).get(name)).metadata?.finalizers).toEqual(['x/other']);
    await removeFinalizer(client, ConfigMap, stale, 'x/other');
    expect(await removeFinalizer(client, ConfigMap, stale, 'x/other')).toBeUndefined();
  });
});

describe('ControllerRefManager', () => {
  let api: MemoryApi;
  let client: Client;
  let owner: ReplicaSet;
  const selector = labelSelectorFrom({ matchLabels: { app: 'web' } });

  beforeEach(async () => {
    api = new MemoryApi();
    client = createClient(api);
    owner = await client.resource(ReplicaSet).create({ metadata: { name: 'rs', namespace: 'dev' } });
  });

  const reference = (uid: string) => ({ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'rs', uid, controller: true });
  const pod = (name: string, app: string, metadata: Pod['metadata'] = {}) =>
    client.resource(Pod).create({ metadata: { name, namespace: 'dev', labels: { app }, ...metadata } });
  const claim = async (pods: readonly Pod[], controller = owner): Promise<string[]> => {
    const manager = new ControllerRefManager({ client, kind: Pod, controller, controllerKind: ReplicaSet });
    const claimed = await manager.claim(pods, { selector, canAdopt: stillThere(client, ReplicaSet, controller) });
    return claimed.map(({ metadata }) => metadata?.name ?? '');
  };
  const owners = async (name: string) =>
    (await client.resource(Pod).get({ name, namespace: 'dev' })).metadata?.ownerReferences ?? [];

  it('adopts orphans that match, and asks the server once whether it may', async () => {
    const pods = [await pod('a', 'web'), await pod('b', 'web'), await pod('c', 'other')];
    api.calls.length = 0;

    expect(await claim(pods)).toEqual(['a', 'b']);
    expect(await owners('a')).toMatchObject([{ uid: owner.metadata?.uid, controller: true, blockOwnerDeletion: true }]);
    expect(await owners('c')).toEqual([]);
    expect(api.calls.filter((call) => call.includes('replicasets'))).toHaveLength(1);
  });

  it('releases what no longer matches, and leaves alone what others own', async () => {
    const mine = { ownerReferences: [reference(owner.metadata?.uid ?? '')] };
    const pods = [
      await pod('kept', 'web', mine),
      await pod('lost', 'other', mine),
      await pod('foreign', 'web', { ownerReferences: [reference('someone else')] }),
    ];

    expect(await claim(pods)).toEqual(['kept']);
    expect(await owners('lost')).toEqual([]);
    expect(await owners('foreign')).toHaveLength(1);
  });

  it('adopts nothing that is being deleted, is gone, or is another object by now', async () => {
    const going = await pod('going', 'web', { finalizers: ['x/y'], deletionTimestamp: '2026-01-01T00:00:00Z' });
    const gone = await pod('gone', 'web');
    await client.resource(Pod).delete({ name: 'gone', namespace: 'dev' });
    const replaced = await pod('replaced', 'web');
    await client.resource(Pod).delete({ name: 'replaced', namespace: 'dev' });
    await pod('replaced', 'web');

    expect(await claim([going, gone])).toEqual([]);
    await expect(claim([replaced])).rejects.toMatchObject({ reason: 'Invalid' });
    expect(await owners('replaced')).toEqual([]);
  });

  it('adopts nothing for an owner that is being deleted or has been replaced, whatever the cache says', async () => {
    const orphan = await pod('a', 'web');
    const cached = owner;
    await client.resource(ReplicaSet).delete({ name: 'rs', namespace: 'dev' });
    await client.resource(ReplicaSet).create({ metadata: { name: 'rs', namespace: 'dev', uid: 'another' } });
    await expect(claim([orphan], cached)).rejects.toThrow('it is another one now');

    const going = { ...cached, metadata: { ...cached.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
    expect(await claim([orphan], going)).toEqual([]);
    expect(await owners('a')).toEqual([]);
  });

  it('tries all objects though one fails', async () => {
    const pods = [await pod('bad', 'web'), await pod('good', 'web')];
    api.intercept = ({ method, path }) => {
      if (method === 'PATCH' && path.endsWith('bad')) throw new KeelsonError('InternalError', 'broken');
    };

    await expect(claim(pods)).rejects.toThrow('broken');
    expect(await owners('good')).toHaveLength(1);
  });
});
