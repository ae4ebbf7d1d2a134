import { describe, expect, it } from 'vitest';
import { findCondition } from '@keelson/api';
import { Pod, type ContainerStatus } from '@keelson/api/core/v1';
import { container, World } from './testing/world.ts';

const MIB = 1024 * 1024;
const memory = (amount: string) => ({ requests: { memory: amount }, limits: { memory: amount } });
const cpu = (amount: string) => ({ requests: { cpu: amount } });

function status(world: World, name = 'a'): ContainerStatus | undefined {
  return world.pod(name)?.status?.containerStatuses?.[0];
}

function condition(world: World, type: string, name = 'a') {
  return findCondition(world.pod(name)?.status?.conditions, type);
}

function resize(world: World, resources: object, name = 'a'): void {
  world.client.change(Pod, { name, namespace: 'default' }, (pod) => {
    const [first] = pod.spec?.containers ?? [];
    pod.spec = { ...pod.spec, containers: [{ ...first, name: 'web', resources }] };
    pod.metadata = { ...pod.metadata, generation: (pod.metadata?.generation ?? 0) + 1 };
  });
}

async function running(world: World, resources: object, more: object = {}, name = 'a'): Promise<void> {
  world.createPod(name, { containers: [container('web', { resources, ...more })] });
  await world.until(() => status(world, name)?.state?.running);
}

describe('Kubelet: resizing', () => {
  it('changes a running container in place, and tells when it has begun and ended', async () => {
    await using world = await World.start();
    await running(world, cpu('1'));
    expect(status(world)?.allocatedResources).toEqual({ cpu: '1' });

    resize(world, cpu('2'));
    await world.until(() => status(world)?.resources?.requests?.['cpu'] === '2');

    expect(world.runtime.journal.filter((line) => line.startsWith('update'))).toEqual([
      'update web {"cpuShares":2048,"oomScoreAdj":999}',
    ]);
    expect(status(world)).toMatchObject({ restartCount: 0, allocatedResources: { cpu: '2' } });
    await world.until(() => condition(world, 'PodResizeInProgress') === undefined);
    expect(condition(world, 'PodResizePending')).toBeUndefined();
    expect(world.reasons('Pod').filter((reason) => reason.startsWith('Resize'))).toEqual(['ResizeStarted', 'ResizeCompleted']);
    expect(world.pod('a')?.status?.observedGeneration).toBe(2);
  });

  it.each([
    { way: 'grows', from: '64Mi', to: '128Mi', pod: [128, 128] },
    { way: 'shrinks', from: '128Mi', to: '64Mi', pod: [128, 64] },
  ])('leaves room in the pod for a container that $way', async ({ from, to, pod }) => {
    await using world = await World.start();
    await running(world, memory(from));

    resize(world, memory(to));
    await world.until(() => status(world)?.resources?.limits?.['memory'] === to);
    await world.until(() => condition(world, 'PodResizeInProgress') === undefined);

    const limits = world.runtime.journal.filter((line) => /^(limit|update)/.test(line));
    const mebibytes = limits.map((line) => [line.split(' ')[0], Number(/Bytes":(\d+)/.exec(line)?.[1]) / 1024 / 1024]);
    expect(mebibytes).toEqual([
      ['limit', pod[0]],
      ['update', parseInt(to, 10)],
      ['limit', pod[1]],
    ]);
  });

  it('restarts a container whose policy says so for what has changed', async () => {
    await using world = await World.start();
    const memory = (amount: string) => ({ requests: { memory: amount }, limits: { memory: amount } });
    await running(world, memory('64Mi'), { resizePolicy: [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }] });

    resize(world, memory('128Mi'));
    await world.until(() => status(world)?.restartCount === 1 && status(world)?.state?.running);

    expect(world.runtime.latest('web')?.config.resources.memoryLimitBytes).toBe(128 * 1024 * 1024);
    expect(world.events.map(({ message }) => message)).toContain('Container web resize requires restart');
    expect(status(world)?.resources?.limits).toEqual({ memory: '128Mi' });
  });

  it('says that a node can never give so much, and goes on as it was', async () => {
    await using world = await World.start();
    await running(world, cpu('1'));

    resize(world, cpu('5'));
    await world.until(() => condition(world, 'PodResizePending')?.status === 'True');

    expect(condition(world, 'PodResizePending')).toMatchObject({
      reason: 'Infeasible',
      message: "Node didn't have enough capacity: cpu, requested: 5000, capacity: 4000",
      observedGeneration: 2,
    });
    expect(status(world)).toMatchObject({ allocatedResources: { cpu: '1' }, resources: { requests: { cpu: '1' } } });
    expect(world.runtime.journal.filter((line) => line.startsWith('update'))).toEqual([]);

    resize(world, cpu('1'));
    await world.until(() => condition(world, 'PodResizePending') === undefined);
  });

  it('waits until others have gone, and then gives what is asked for', async () => {
    await using world = await World.start();
    await running(world, cpu('1'));
    await running(world, cpu('2'), {}, 'b');

    resize(world, cpu('3'));
    await world.until(() => condition(world, 'PodResizePending')?.reason === 'Deferred');
    expect(condition(world, 'PodResizePending')?.message).toMatch(/requested: 3000, used: 2000, capacity: 4000$/);
    world.deletePod('b', 1);

    await world.until(() => status(world)?.resources?.requests?.['cpu'] === '3');
    await world.until(() => condition(world, 'PodResizePending') === undefined);
  });

  it('counts what a pod was given, not what it asks for, against those that come', async () => {
    await using world = await World.start();
    await running(world, cpu('1'));
    resize(world, cpu('5'));
    await world.until(() => condition(world, 'PodResizePending')?.reason === 'Infeasible');

    await running(world, cpu('3'), {}, 'b');

    expect(world.pod('b')?.status?.phase).toBe('Running');
  });

  it('says why it could not be done, and tries again', async () => {
    await using world = await World.start();
    await running(world, cpu('1'));
    world.runtime.refusesUpdates = true;

    resize(world, cpu('2'));
    await world.until(() => condition(world, 'PodResizeInProgress')?.reason === 'Error');
    expect(condition(world, 'PodResizeInProgress')?.message).toBe('Container web could not be resized: device or resource busy');
    expect(status(world)).toMatchObject({ allocatedResources: { cpu: '2' }, resources: { requests: { cpu: '1' } } });
    world.runtime.refusesUpdates = false;

    await world.advanceUntil(() => condition(world, 'PodResizeInProgress') === undefined);
    expect(status(world)?.resources?.requests).toEqual({ cpu: '2' });
  });

  it('says why a pod as a whole could not grow, and leaves its containers as they are until it can', async () => {
    await using world = await World.start();
    await running(world, cpu('1'));
    world.runtime.refusesLimits = true;

    resize(world, cpu('2'));
    await world.until(() => condition(world, 'PodResizeInProgress')?.reason === 'Error');
    expect(condition(world, 'PodResizeInProgress')?.message).toBe('Pod could not be resized: invalid argument');
    expect(world.reasons('Pod')).toContain('ResizeError');
    expect(world.runtime.journal.filter((line) => line.startsWith('update'))).toEqual([]);
    world.runtime.refusesLimits = false;

    await world.advanceUntil(() => condition(world, 'PodResizeInProgress') === undefined);
    expect(status(world)?.resources?.requests).toEqual({ cpu: '2' });
  });

  it('takes no memory away that a container uses, and does when it uses less', async () => {
    await using world = await World.start();
    await running(world, memory('128Mi'));
    world.runtime.memory.set('web', 96 * MIB);

    resize(world, memory('64Mi'));
    await world.until(() => condition(world, 'PodResizeInProgress')?.reason === 'Error');
    expect(condition(world, 'PodResizeInProgress')?.message).toContain('memory limit (67108864) below current usage (100663296)');
    expect(world.runtime.journal.filter((line) => line.startsWith('update'))).toEqual([]);
    world.runtime.memory.set('web', 32 * MIB);

    await world.advanceUntil(() => condition(world, 'PodResizeInProgress') === undefined);
    expect(status(world)?.resources?.limits).toEqual({ memory: '64Mi' });
  });

  it('shrinks a pod as a whole, too, once a container was restarted for it', async () => {
    await using world = await World.start();
    const resizePolicy = [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }];
    await running(world, memory('128Mi'), { resizePolicy });

    resize(world, memory('64Mi'));
    await world.until(() => world.reasons('Pod').includes('ResizeCompleted'));

    expect(status(world)?.restartCount).toBe(1);
    expect(world.runtime.journal.findLast((line) => line.startsWith('limit'))).toContain(`"memoryLimitBytes":${64 * MIB}`);
    await world.until(() => condition(world, 'PodResizeInProgress') === undefined);
  });

  it.each([
    { who: 'the same kubelet', again: async () => undefined },
    { who: 'the next kubelet', again: (world: World) => world.restart() },
  ])('tries again to shrink a pod as a whole: $who', async ({ again }) => {
    await using world = await World.start();
    await running(world, memory('128Mi'));
    world.runtime.refusesLimitsBelow = 128 * MIB;

    resize(world, memory('64Mi'));
    await world.until(() => condition(world, 'PodResizeInProgress')?.reason === 'Error');
    expect(status(world)?.resources?.limits).toEqual({ memory: '64Mi' });
    await again(world);
    world.runtime.refusesLimitsBelow = 0;

    await world.advanceUntil(() => condition(world, 'PodResizeInProgress') === undefined);
    expect(world.runtime.journal.findLast((line) => line.startsWith('limit'))).toContain(`"memoryLimitBytes":${64 * MIB}`);
  });

  it('finishes after a restart what it had not done before', async () => {
    await using world = await World.start();
    await running(world, cpu('1'));
    await world.kubelet.stop();
    resize(world, cpu('2'));

    await world.restart();
    await world.until(() => status(world)?.resources?.requests?.['cpu'] === '2');

    expect(world.runtime.journal.filter((line) => line.startsWith('start'))).toEqual(['start web']);
    expect(world.runtime.journal.filter((line) => line.startsWith('update'))).toHaveLength(1);
  });
});
