import { findCondition, nameOf } from '@keelson/api';
import { Node, Pod } from '@keelson/api/core/v1';
import { describe, expect, it } from 'vitest';
import { WorkloadWorld } from '../pod-control/testing/workload-world.ts';
import { podGarbageCollectorController } from './pod-garbage-collector-controller.ts';

const LOOK_MS = 20_000;

function pod(name: string, metadata: Pod['metadata'] = {}): Pod {
  return { metadata: { name, ...metadata }, spec: { containers: [{ name: 'c', image: 'nginx' }] } };
}

async function namesOf(world: WorkloadWorld): Promise<readonly string[]> {
  return (await world.pods()).map(nameOf);
}

async function look(world: WorkloadWorld, times = 1): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    await world.clock.advance(LOOK_MS);
    await world.settle();
  }
}

describe('podGarbageCollectorController', () => {
  it('removes pods that have ended beyond the threshold: evicted ones first, then the oldest', async () => {
    await using world = await WorkloadWorld.start(podGarbageCollectorController({ terminatedPodThreshold: 2 }));
    for (const name of ['oldest', 'older', 'old', 'evicted', 'running']) {
      await world.create(Pod, pod(name));
      await world.clock.advance(1000);
    }
    for (const name of ['oldest', 'older', 'old']) await world.setStatus(pod(name), { phase: 'Succeeded' });
    await world.setStatus(pod('evicted'), { phase: 'Failed', reason: 'Evicted' });
    await world.setStatus(pod('running'), { phase: 'Running' });
    await look(world);

    expect(await namesOf(world)).toEqual(['old', 'older', 'running']);
  });

  it('fails and removes the pods of a node that is gone, when that is certain', async () => {
    await using world = await WorkloadWorld.start(podGarbageCollectorController());
    const finalizers = ['example.com/wait'];
    await world.client.resource(Node).create({ metadata: { name: 'here' } });
    await world.bind(await world.create(Pod, pod('kept')), 'here');
    await world.bind(await world.create(Pod, pod('lost')), 'gone');
    await world.bind(await world.create(Pod, pod('held', { finalizers })), 'gone');
    await look(world);
    const early = await namesOf(world);
    await look(world, 2);
    const held = await world.get(Pod, 'held');

    expect(early).toEqual(['held', 'kept', 'lost']);
    expect(await namesOf(world)).toEqual(['held', 'kept']);
    expect(held.status?.phase).toBe('Failed');
    expect(findCondition(held.status?.conditions, 'DisruptionTarget')).toMatchObject({
      status: 'True',
      reason: 'DeletionByPodGC',
      message: 'PodGC: node no longer exists',
    });
  });

  it('keeps the pods of a node that the cache does not show', async () => {
    await using world = await WorkloadWorld.start(podGarbageCollectorController());
    world.transport.hold('nodes');
    await world.client.resource(Node).create({ metadata: { name: 'new' } });
    await world.bind(await world.create(Pod, pod('first')), 'new');
    await look(world, 5);

    expect(await namesOf(world)).toEqual(['first']);
  });

  it('removes pods that are terminating on a node that is out of service', async () => {
    await using world = await WorkloadWorld.start(podGarbageCollectorController());
    const taints = [{ key: 'node.kubernetes.io/out-of-service', effect: 'NoExecute', value: 'nodeshutdown' }];
    await world.client.resource(Node).create({ metadata: { name: 'down' }, spec: { taints } });
    await world.client.resource(Node).create({ metadata: { name: 'up' } });
    for (const [name, node] of Object.entries({ a: 'down', b: 'down', c: 'up' })) {
      await world.bind(await world.create(Pod, pod(name)), node);
    }
    for (const name of ['a', 'c']) await world.client.resource(Pod).delete({ name, namespace: 'default' });
    await look(world);

    expect(await namesOf(world)).toEqual(['b', 'c']);
  });

  it('ends pods that are terminating and have no node', async () => {
    await using world = await WorkloadWorld.start(podGarbageCollectorController());
    const finalizers = ['example.com/wait'];
    await world.create(Pod, pod('waiting', { finalizers }));
    await world.client.resource(Pod).delete({ name: 'waiting', namespace: 'default' });
    await look(world);
    const before = world.world.writes.length;
    await look(world, 3);

    expect((await world.get(Pod, 'waiting')).status?.phase).toBe('Failed');
    expect(world.world.writes.slice(before)).toEqual([]);
  });

  it('writes nothing when there is nothing to do', async () => {
    await using world = await WorkloadWorld.start(podGarbageCollectorController());
    await world.client.resource(Node).create({ metadata: { name: 'here' } });
    await world.bind(await world.create(Pod, pod('kept')), 'here');
    await look(world, 10);

    expect(world.world.writes).toEqual([]);
  });
});
