import { describe, expect, it } from 'vitest';
import { findCondition } from '@keelson/api';
import { Node, type PodSpec } from '@keelson/api/core/v1';
import type { KubeletOptions } from './options.ts';
import { container, World } from './testing/world.ts';

const MI = 1024 * 1024;
const CAPACITY = 8192 * MI;

async function start(eviction: KubeletOptions['eviction'] = {}): Promise<World> {
  const world = await World.start({ eviction });
  world.observed.set('memory.available', { available: 4096 * MI, capacity: CAPACITY });
  return world;
}

function left(world: World, mebi: number): void {
  world.observed.set('memory.available', { available: mebi * MI, capacity: CAPACITY });
}

async function run(world: World, name: string, usesMebi: number, spec: Partial<PodSpec> = {}): Promise<void> {
  world.createPod(name, { containers: [container(name)], ...spec });
  await world.until(() => world.pod(name)?.status?.phase === 'Running');
  world.runtime.memory.set(name, usesMebi * MI);
}

const asking = (name: string, memory: string) => ({ containers: [container(name, { resources: { requests: { memory } } })] });
const phases = (world: World, ...names: string[]) => names.map((name) => world.pod(name)?.status?.phase);
const pressure = (world: World, type: string) => findCondition(world.client.read(Node, { name: 'n1' })?.status?.conditions, type);

describe('Kubelet: eviction', () => {
  it('ends the pod that uses most beyond what it asked for, and tells why', async () => {
    await using world = await start();
    await run(world, 'modest', 300, asking('modest', '400Mi'));
    await run(world, 'greedy', 500, asking('greedy', '100Mi'));
    await run(world, 'small', 200, asking('small', '100Mi'));

    left(world, 50);
    await world.advanceUntil(() => world.pod('greedy')?.status?.phase === 'Failed');
    left(world, 2000);
    await world.advance(30_000);

    const message =
      'The node was low on resource: memory. Threshold quantity: 100Mi, available: 51200Ki. Container greedy was using 512000Ki, request is 100Mi, has larger consumption of memory. ';
    expect(world.pod('greedy')?.status).toMatchObject({ reason: 'Evicted', message });
    expect(findCondition(world.pod('greedy')?.status?.conditions, 'DisruptionTarget')).toMatchObject({
      status: 'True',
      reason: 'TerminationByKubelet',
      message,
    });
    expect(world.events).toContainEqual(expect.objectContaining({ type: 'Warning', reason: 'Evicted', message }));
    expect(world.events.map(({ message: text }) => text)).toContain('Attempting to reclaim memory');
    expect(phases(world, 'modest', 'small')).toEqual(['Running', 'Running']);
    expect(world.runtime.journal.at(-1)).toBe('stop greedy 2');
  });

  it('says of the node that it is short of memory, and for five minutes more', async () => {
    await using world = await start();
    await run(world, 'a', 100);

    left(world, 50);
    await world.advanceUntil(() => pressure(world, 'MemoryPressure')?.status === 'True');
    expect(pressure(world, 'MemoryPressure')).toMatchObject({
      reason: 'KubeletHasInsufficientMemory',
      message: 'kubelet has insufficient memory available',
    });
    left(world, 2000);
    await world.advance(250_000);
    expect(pressure(world, 'MemoryPressure')?.status).toBe('True');
    await world.advance(80_000);

    expect(pressure(world, 'MemoryPressure')?.status).toBe('False');
    expect(world.reasons('Node')).toEqual(
      expect.arrayContaining(['EvictionThresholdMet', 'NodeHasInsufficientMemory', 'NodeHasSufficientMemory']),
    );
  });

  it('lets no pod in meanwhile that asks for nothing', async () => {
    await using world = await start();
    left(world, 50);
    await world.advanceUntil(() => pressure(world, 'MemoryPressure')?.status === 'True');
    left(world, 2000);

    world.createPod('idle');
    world.createPod('asking', asking('web', '10Mi'));
    const tolerations = [{ key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' }];
    world.createPod('patient', { tolerations });

    await world.until(() => world.pod('idle')?.status?.phase === 'Failed');
    expect(world.pod('idle')?.status).toMatchObject({ reason: 'Evicted', message: 'The node had condition: [MemoryPressure]. ' });
    await world.until(() => phases(world, 'asking', 'patient').every((phase) => phase === 'Running'));
  });

  it('spares critical pods, and takes the one of the lowest priority', async () => {
    await using world = await start();
    await run(world, 'critical', 900, { priority: 2_000_000_000 });
    await run(world, 'high', 100, { priority: 100 });
    await run(world, 'low', 50, { priority: 1 });

    left(world, 50);
    await world.advanceUntil(() => world.pod('low')?.status?.phase === 'Failed');
    await world.advanceUntil(() => world.pod('high')?.status?.phase === 'Failed');
    await world.advance(60_000);

    expect(world.pod('critical')?.status?.phase).toBe('Running');
  });

  it('waits at a soft threshold, and gives a pod its grace then', async () => {
    await using world = await start({
      hard: {},
      soft: { 'memory.available': '1Gi' },
      softGracePeriodSeconds: { 'memory.available': 60 },
      maxPodGracePeriodSeconds: 20,
    });
    await run(world, 'a', 500);

    left(world, 900);
    await world.advance(60_000);
    expect(world.pod('a')?.status?.phase).toBe('Running');
    await world.advanceUntil(() => world.pod('a')?.status?.phase === 'Failed');

    expect(world.runtime.journal.at(-1)).toBe('stop a 20');
  });

  it('goes on until as much more is free as it shall', async () => {
    await using world = await start({ hard: { 'memory.available': '100Mi' }, minimumReclaim: { 'memory.available': '500Mi' } });
    for (const name of ['a', 'b']) await run(world, name, 100);

    left(world, 50);
    await world.advanceUntil(() => phases(world, 'a', 'b').includes('Failed'));
    left(world, 400);
    await world.advanceUntil(() => phases(world, 'a', 'b').every((phase) => phase === 'Failed'));
  });

  it('removes what no pod needs before it ends a pod for want of disk', async () => {
    await using world = await World.start({
      eviction: { hard: { 'nodefs.available': '10%' } },
      imageGc: { minimumAgeSeconds: 0, scope: 'all' },
    });
    world.observed.set('nodefs.available', { available: 50, capacity: 100 });
    await run(world, 'a', 0);
    world.runtime.addImage('idle:1', 40);
    const full = { available: 5, capacity: 100 };
    world.observed.set('nodefs.available', full);
    world.runtime.onImageRemoved = () => world.observed.set('nodefs.available', { available: 45, capacity: 100 });

    await world.advanceUntil(() => world.runtime.journal.includes('remove idle:1'));
    await world.advance(30_000);

    expect(world.pod('a')?.status?.phase).toBe('Running');
    expect(pressure(world, 'DiskPressure')?.status).toBe('True');
  });

  it('removes images that it has pulled itself, and none that were there before', async () => {
    await using world = await World.start({
      eviction: { hard: { 'nodefs.available': '10%' } },
      imageGc: { minimumAgeSeconds: 0 },
    });
    world.runtime.remoteImages.add('pulled:1');
    world.runtime.addImage('somebodys:1', 40);
    await run(world, 'a', 0, { containers: [container('a', { image: 'pulled:1' })] });
    world.deletePod('a', 0);
    await world.until(() => !world.pod('a'));
    await world.restart();

    world.observed.set('nodefs.available', { available: 5, capacity: 100 });
    await world.advanceUntil(() => world.runtime.journal.includes('remove pulled:1'));

    expect(world.runtime.journal).not.toContain('remove somebodys:1');
  });

  it('removes containers of pods that have ended, whose status stays', async () => {
    await using world = await World.start({ eviction: { hard: { 'nodefs.available': '10%' } } });
    world.runtime.scripts.set('job', { exitCode: 0 });
    world.createPod('job', { containers: [container('job')], restartPolicy: 'Never' });
    await run(world, 'a', 0);
    await world.advanceUntil(() => world.pod('job')?.status?.phase === 'Succeeded');
    expect(world.runtime.latest('job')).toBeDefined();

    world.observed.set('nodefs.available', { available: 5, capacity: 100 });
    await world.advanceUntil(() => !world.runtime.latest('job'));
    world.observed.set('nodefs.available', { available: 50, capacity: 100 });
    await world.advance(30_000);

    expect(world.pod('job')?.status).toMatchObject({
      phase: 'Succeeded',
      containerStatuses: [{ state: { terminated: { exitCode: 0 } } }],
    });
  });

  it('ends the pod that takes up most disk beyond what it asked for, and tells why', async () => {
    await using world = await World.start({ eviction: { hard: { 'nodefs.available': '10%' } } });
    const storage = (name: string, amount: string) => ({
      containers: [container(name, { resources: { requests: { 'ephemeral-storage': amount } } })],
    });
    await run(world, 'large', 0, storage('large', '2Gi'));
    await run(world, 'greedy', 0, storage('greedy', '1Mi'));
    await run(world, 'small', 0);
    world.runtime.written
      .set('large', 1024 * MI)
      .set('greedy', 100 * MI)
      .set('small', 50 * MI);

    world.observed.set('nodefs.available', { available: 5 * MI, capacity: 100 * MI });
    await world.advanceUntil(() => world.pod('greedy')?.status?.phase === 'Failed');
    world.observed.set('nodefs.available', { available: 50 * MI, capacity: 100 * MI });
    await world.advance(30_000);

    expect(world.pod('greedy')?.status).toMatchObject({
      reason: 'Evicted',
      message:
        'The node was low on resource: ephemeral-storage. Threshold quantity: 10%, available: 5120Ki. Container greedy was using 102401Ki, request is 1Mi, has larger consumption of ephemeral-storage. ',
    });
    expect(phases(world, 'large', 'small')).toEqual(['Running', 'Running']);
  });

  it('keeps from pods what is reserved, and what has to be left', async () => {
    await using world = await World.start({
      eviction: { hard: { 'memory.available': '1Gi', 'nodefs.available': '10%' } },
      reserved: { cpu: '500m', memory: '1Gi' },
    });

    await world.until(() => world.client.read(Node, { name: 'n1' }));

    expect(world.client.read(Node, { name: 'n1' })?.status).toMatchObject({
      capacity: { cpu: '4', memory: '8Gi', 'ephemeral-storage': '10Gi' },
      allocatable: { cpu: '3500m', memory: '6Gi', 'ephemeral-storage': '9Gi', pods: '110' },
    });
  });
});

describe('Kubelet: critical pods', () => {
  const cpu = (name: string, amount: string) => ({ containers: [container(name, { resources: { requests: { cpu: amount } } })] });

  it('makes room for one, with as few as can be', async () => {
    await using world = await World.start();
    await run(world, 'small', 0, { ...cpu('small', '1'), priority: 1 });
    await run(world, 'large', 0, { ...cpu('large', '3'), priority: 2 });

    world.createPod('critical', { ...cpu('critical', '3'), priority: 2_000_001_000 });
    await world.advanceUntil(() => world.pod('critical')?.status?.phase === 'Running');

    expect(world.pod('large')?.status).toMatchObject({
      phase: 'Failed',
      reason: 'Preempting',
      message: 'Preempted in order to admit critical pod',
    });
    expect(world.pod('small')?.status?.phase).toBe('Running');
    expect(world.runtime.journal.indexOf('start critical')).toBeGreaterThan(world.runtime.journal.indexOf('stop large 30'));
  });

  it('ends nobody for one that would not fit even then', async () => {
    await using world = await World.start();
    await run(world, 'a', 0, cpu('a', '1'));

    world.createPod('critical', { ...cpu('critical', '5'), priority: 2_000_001_000 });
    await world.until(() => world.pod('critical')?.status?.phase === 'Failed');

    expect(world.pod('a')?.status?.phase).toBe('Running');
  });
});

describe('Kubelet: a node that shuts down', () => {
  it('ends its pods, the critical ones last, within the time that there is', async () => {
    await using world = await World.start({ shutdown: { graceSeconds: 30, criticalSeconds: 10 } });
    world.runtime.scripts.set('web', { stopMs: 15_000 });
    await run(world, 'web', 0);
    await run(world, 'critical', 0, { priority: 2_000_000_000 });

    const stopped = world.kubelet.shutDown({ graceSeconds: 30, criticalSeconds: 10 });
    await world.until(() => pressure(world, 'Ready')?.status === 'False');
    world.createPod('late');
    await world.advanceUntil(() => phases(world, 'web', 'critical').every((phase) => phase === 'Failed'));
    await stopped;

    const message = 'Pod was terminated in response to imminent node shutdown.';
    expect(world.pod('web')?.status).toMatchObject({ reason: 'Terminated', message });
    expect(pressure(world, 'Ready')?.message).toBe('node is shutting down');
    expect(world.pod('late')?.status).toMatchObject({ phase: 'Failed', reason: 'NodeShutdown' });
    expect(world.runtime.journal.filter((line) => line.startsWith('stop'))).toEqual(['stop web 20', 'stop critical 10']);
  });
});
