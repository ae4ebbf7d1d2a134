import { eventually } from '@keelson/base/testing';
import { controllerOf, findCondition, nameOf, uidOf } from '@keelson/api';
import { ReplicaSet } from '@keelson/api/apps/v1';
import { Namespace, Pod, ServiceAccount } from '@keelson/api/core/v1';
import { KeelsonError } from '@keelson/base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isActive, templateOf, WorkloadWorld } from '../pod-control/testing/workload-world.ts';
import { replicaSetController } from './replicaset-controller.ts';

function replicaSet(name: string, replicas: number, labels: Record<string, string> = { app: name }): ReplicaSet {
  const template = { ...templateOf(name), metadata: { labels } };
  return { metadata: { name }, spec: { replicas, selector: { matchLabels: { app: labels['app'] ?? '' } }, template } };
}

describe('replicaSetController in trouble', () => {
  let world: WorkloadWorld;

  beforeEach(async () => {
    world = await WorkloadWorld.start(replicaSetController);
  });

  afterEach(async () => {
    await world[Symbol.asyncDispose]();
  });

  /** Has the set looked at again, several times. */
  async function disturb(name: string, times = 5): Promise<void> {
    for (let time = 0; time < times; time += 1) {
      await world.patch(ReplicaSet, name, { metadata: { annotations: { disturbed: String(Math.random()) } } });
      await world.clock.advance(20);
      await world.settle();
    }
  }

  function orphan(name: string, app: string): Pod {
    return { metadata: { name, labels: { app } }, spec: { containers: [{ name: 'c', image: 'nginx' }] } };
  }

  it('creates pods once, however long the cache does not show them', async () => {
    world.transport.hold('pods');
    await world.create(ReplicaSet, replicaSet('web', 3));
    await world.whenPods(3);
    await disturb('web');
    const unseen = await world.pods();
    world.transport.release();
    await disturb('web');

    expect(unseen).toHaveLength(3);
    expect(await world.pods()).toHaveLength(3);
  });

  it('takes what the cache has not shown for five minutes as seen', async () => {
    world.transport.hold('pods');
    await world.create(ReplicaSet, replicaSet('web', 1));
    const [pod] = await world.whenPods(1);
    await world.end(pod ? [pod] : []);
    await disturb('web');
    const before = await world.pods();
    await world.clock.advance(305_000);
    await world.settle();

    expect(before).toHaveLength(0);
    expect(await world.pods()).toHaveLength(1);
  });

  it('deletes no further pods while the cache does not show those that it has deleted', async () => {
    await world.create(ReplicaSet, replicaSet('web', 5));
    await world.whenPods(5);
    await world.when(ReplicaSet, 'web', ({ status }) => status?.replicas === 5);
    world.transport.hold('pods');
    await world.patch(ReplicaSet, 'web', { spec: { replicas: 2 } });
    await world.whenPods(2);
    await disturb('web');
    const unseen = await world.pods();
    world.transport.release();
    const { status } = await world.when(ReplicaSet, 'web', (each) => each.status?.replicas === 2);

    expect(unseen).toHaveLength(2);
    expect(await world.pods()).toHaveLength(2);
    expect(status?.observedGeneration).toBe(2);
  });

  it('does not wait for pods to end that it has deleted', async () => {
    await world.create(ReplicaSet, replicaSet('web', 3));
    await world.makeReady(await world.whenPods(3));
    await world.settle();
    await world.patch(ReplicaSet, 'web', { spec: { replicas: 1 } });
    await world.settle();
    const left = (await world.pods()).filter(isActive);
    await world.patch(ReplicaSet, 'web', { spec: { replicas: 2 } });
    await world.settle();

    expect(left).toHaveLength(1);
    expect((await world.pods()).map(isActive).toSorted()).toEqual([false, false, true, true]);
  });

  it('adopts nothing for a set that is being deleted, even if the cache does not show that', async () => {
    const set = replicaSet('web', 1);
    await world.create(ReplicaSet, { ...set, metadata: { ...set.metadata, finalizers: ['example.com/wait'] } });
    await world.whenPods(1);
    await world.settle();
    world.transport.hold('replicasets');
    await world.client.resource(ReplicaSet).delete({ name: 'web', namespace: 'default' });
    await world.create(Pod, orphan('late', 'web'));
    await world.clock.advance(1000);
    await world.settle();

    expect(controllerOf(await world.get(Pod, 'late'))).toBeUndefined();
  });

  it('adopts pods that match and nobody owns, before and after it exists', async () => {
    await world.create(Pod, orphan('first', 'web'));
    const set = await world.create(ReplicaSet, replicaSet('web', 2));
    await world.whenPods(2);
    const adopted = await world.when(Pod, 'first', (pod) => controllerOf(pod) !== undefined);
    await world.makeReady(await world.pods());
    await world.create(Pod, orphan('second', 'web'));
    await world.whenPods(2);
    await world.settle();

    expect(controllerOf(adopted)?.uid).toBe(uidOf(set));
    expect((await world.pods()).map(nameOf)).not.toContain('second');
  });

  it('releases a pod that matches no longer, and replaces it', async () => {
    await world.create(ReplicaSet, replicaSet('web', 2));
    const [pod] = await world.whenPods(2);
    await world.patch(Pod, nameOf(pod ?? {}), { metadata: { labels: { app: 'debugged' } } });
    const pods = await world.whenPods(3);
    const released = await world.get(Pod, nameOf(pod ?? {}));

    expect(controllerOf(released)).toBeUndefined();
    expect(pods.filter((each) => each.metadata?.labels?.['app'] === 'web')).toHaveLength(2);
  });

  it('leaves the pods of another ReplicaSet with the same selector alone', async () => {
    const a = await world.create(ReplicaSet, replicaSet('a', 2, { app: 'web', of: 'a' }));
    const b = await world.create(ReplicaSet, replicaSet('b', 3, { app: 'web', of: 'b' }));
    await world.whenPods(5);
    await disturb('a');
    await disturb('b');
    const owners = (await world.pods()).map((pod) => controllerOf(pod)?.uid);

    expect(owners.filter((uid) => uid === uidOf(a))).toHaveLength(2);
    expect(owners.filter((uid) => uid === uidOf(b))).toHaveLength(3);
    expect((await world.get(ReplicaSet, 'a')).status).toMatchObject({ replicas: 2, fullyLabeledReplicas: 2 });
  });

  it('replaces pods that are terminating or have failed, and counts the terminating ones apart', async () => {
    await world.create(ReplicaSet, replicaSet('web', 2));
    const [first, second] = await world.whenPods(2);
    await world.makeReady([first ?? {}, second ?? {}]);
    await world.client.resource(Pod).delete({ name: nameOf(first ?? {}), namespace: 'default' });
    await world.setStatus(second ?? {}, { phase: 'Failed' });
    await world.whenPods(4);
    const { status } = await world.when(ReplicaSet, 'web', (set) => set.status?.terminatingReplicas === 1);
    await world.end();
    const after = await world.when(ReplicaSet, 'web', (set) => set.status?.terminatingReplicas === 0);

    expect(status).toMatchObject({ replicas: 2, terminatingReplicas: 1 });
    expect(after.status?.replicas).toBe(2);
    expect(await world.pods()).toHaveLength(3);
  });

  it('tries a creation that is refused once, says so, and tries again later', async () => {
    let refused = 0;
    world.transport.intercept = ({ method, path }) => {
      if (method !== 'POST' || !path.endsWith('/pods')) return;
      refused += 1;
      throw new KeelsonError('Forbidden', 'pods "web-" is forbidden: exceeded quota: small');
    };
    await world.create(ReplicaSet, replicaSet('web', 8));
    const failing = await world.when(ReplicaSet, 'web', ({ status }) => status?.conditions !== undefined);
    const early = refused;
    const told = await world.messages('FailedCreate');
    world.transport.intercept = () => undefined;
    await world.clock.advance(1_000_000);
    await world.whenPods(8);
    const { status } = await world.when(ReplicaSet, 'web', (set) => set.status?.replicas === 8);

    expect(early).toBeLessThan(5);
    expect(told).toEqual(['Error creating: pods "web-" is forbidden: exceeded quota: small']);
    expect(findCondition(failing.status?.conditions, 'ReplicaFailure')).toMatchObject({
      status: 'True',
      reason: 'FailedCreate',
      message: 'pods "web-" is forbidden: exceeded quota: small',
    });
    expect(status?.conditions).toBeUndefined();
  });

  it('tries only once to create a pod in a namespace that is being deleted, and tells nobody', async () => {
    const namespace = 'ending';
    await world.client.resource(Namespace).create({ metadata: { name: namespace } });
    await world.client.resource(ServiceAccount).create({ metadata: { name: 'default', namespace } });
    const set = replicaSet('web', 2);
    await world.client.resource(ReplicaSet).create({ ...set, metadata: { name: 'web', namespace } });
    const [pod] = await eventually(async () => {
      const { items } = await world.client.resource(Pod).list({ namespace });
      return items.length === 2 && items;
    });
    await world.settle();
    await world.client.resource(Namespace).delete({ name: namespace });
    const before = world.world.writes.length;
    await world.client.resource(Pod).delete({ name: nameOf(pod ?? {}), namespace });
    for (let time = 0; time < 5; time += 1) {
      const patch = { metadata: { annotations: { time: String(time) } } };
      await world.client.resource(ReplicaSet).patch({ name: 'web', namespace }, 'merge', patch);
      await world.clock.advance(50_000);
      await world.settle();
    }

    const tries = world.world.writes.slice(before).filter((write) => write.startsWith('POST'));
    expect(tries).toEqual([`POST /api/v1/namespaces/${namespace}/pods`]);
    expect(await world.messages('FailedCreate')).toEqual([]);
  });

  it('creates nothing for a ReplicaSet that is being deleted, but goes on reporting', async () => {
    const set = replicaSet('web', 2);
    await world.create(ReplicaSet, { ...set, metadata: { ...set.metadata, finalizers: ['example.com/wait'] } });
    const pods = await world.whenPods(2);
    await world.client.resource(ReplicaSet).delete({ name: 'web', namespace: 'default' });
    await world.end(pods);
    const { status } = await world.when(ReplicaSet, 'web', (each) => each.status?.replicas === 0);

    expect(status).toMatchObject({ replicas: 0 });
    expect((await world.pods()).filter(isActive)).toHaveLength(0);
  });

  it('gets its status written while others keep changing the set', async () => {
    let left = 10;
    world.transport.intercept = async ({ method, path }) => {
      if (method !== 'PATCH' || !path.endsWith('/status') || !path.includes('/replicasets/') || left-- <= 0) return;
      await world.world.api.transport.request({
        method: 'PATCH',
        path: '/apis/apps/v1/namespaces/default/replicasets/web',
        contentType: 'application/merge-patch+json',
        body: { metadata: { annotations: { by: `someone-${left}` } } },
      });
    };
    await world.create(ReplicaSet, replicaSet('web', 3));
    const { status } = await world.when(ReplicaSet, 'web', (each) => each.status?.replicas === 3);

    expect(status).toMatchObject({ replicas: 3, fullyLabeledReplicas: 3 });
    expect(await world.pods()).toHaveLength(3);
  });

  it('writes nothing when there is nothing to do', async () => {
    await world.create(ReplicaSet, replicaSet('web', 3));
    await world.makeReady(await world.whenPods(3));
    await world.when(ReplicaSet, 'web', ({ status }) => status?.availableReplicas === 3);
    await world.settle();
    const before = world.world.writes.length;
    await world.clock.advance(3_600_000);
    await world.settle();

    expect(world.world.writes.slice(before)).toEqual([]);
  });
});
