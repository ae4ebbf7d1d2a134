import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findCondition } from '@keelson/api';
import { ConfigMap, Node, Pod } from '@keelson/api/core/v1';
import { container, World } from './testing/world.ts';

function nodeReady(world: World) {
  return findCondition(world.client.read(Node, { name: 'n1' })?.status?.conditions, 'Ready');
}

function restartCount(world: World, pod: string): number | undefined {
  return world.pod(pod)?.status?.containerStatuses?.[0]?.restartCount;
}

const settings = {
  volumes: [{ name: 'v', configMap: { name: 'c' } }],
  containers: [
    container('web', {
      env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'c', key: 'k' } } }],
      volumeMounts: [{ name: 'v', mountPath: '/v' }],
    }),
  ],
};

describe('Kubelet: a runtime that goes away', () => {
  it('says so on the node at once, with the reason, and tells of the way back', async () => {
    await using world = await World.start();
    await world.until(() => nodeReady(world)?.status === 'True');

    world.runtime.down = true;
    world.runtime.resync();
    await world.until(() => nodeReady(world)?.status === 'False');
    expect(nodeReady(world)).toMatchObject({
      reason: 'KubeletNotReady',
      message: 'container runtime is down: the runtime is down',
    });
    world.runtime.down = false;
    await world.advanceUntil(() => nodeReady(world)?.status === 'True');

    expect(world.reasons('Node').slice(-3)).toEqual(['NodeReady', 'NodeNotReady', 'NodeReady']);
  });

  it('takes one that hangs for one that is away', async () => {
    await using world = await World.start();
    await world.until(() => nodeReady(world)?.status === 'True');

    world.runtime.hangs = true;
    world.runtime.resync();
    await world.advanceUntil(() => nodeReady(world)?.status === 'False');
    expect(nodeReady(world)?.message).toBe('container runtime is down: no answer within 60 s');
    world.runtime.hangs = false;

    await world.advanceUntil(() => nodeReady(world)?.status === 'True');
  });

  it('does nothing by what it knew while it is away, however long, and restarts each container once', async () => {
    await using world = await World.start();
    for (const name of ['a', 'b', 'c']) world.createPod(name);
    await world.until(() => ['a', 'b', 'c'].every((name) => world.pod(name)?.status?.phase === 'Running'));
    const journal = world.runtime.journal.length;
    const { length } = world.events;

    world.runtime.down = true;
    world.runtime.resync();
    await world.advance(600_000);
    expect(world.runtime.journal).toHaveLength(journal);
    expect(world.events.slice(length).map(({ reason }) => reason)).toEqual(['NodeNotReady']);
    world.runtime.down = false;
    world.runtime.exit('web', 137);
    await world.advanceUntil(() => ['a', 'b', 'c'].every((name) => restartCount(world, name) === 1));
    await world.advance(60_000);

    expect(world.runtime.journal.slice(journal)).toEqual(['start web', 'start web', 'start web']);
  });

  it('ends a pod that was deleted meanwhile, once it is back', async () => {
    await using world = await World.start();
    world.createPod('a');
    await world.until(() => world.pod('a')?.status?.phase === 'Running');
    world.runtime.down = true;
    world.runtime.resync();
    await world.until(() => nodeReady(world)?.status === 'False');

    world.deletePod('a', 5);
    await world.advance(60_000);
    expect(world.pod('a')).toBeDefined();
    world.runtime.down = false;

    await world.advanceUntil(() => world.pod('a') === undefined);
  });
});

describe('Kubelet: an API that goes away', () => {
  it('goes on restarting containers with the configuration that it read last', async () => {
    await using world = await World.start();
    world.client.create(ConfigMap, { metadata: { name: 'c', namespace: 'default' }, data: { k: 'v' } });
    world.createPod('a', settings);
    await world.until(() => world.pod('a')?.status?.phase === 'Running');

    world.client.down = true;
    await world.advance(600_000);
    world.runtime.exit('web', 1);
    await world.advanceUntil(() => world.runtime.latest('web')?.attempt === 1);
    expect(world.runtime.latest('web')?.config.env).toContainEqual({ name: 'A', value: 'v' });
    expect(restartCount(world, 'a')).toBe(0);
    world.client.down = false;

    await world.advanceUntil(() => restartCount(world, 'a') === 1);
    expect(world.reasons()).not.toContain('FailedMount');
  });

  it('keeps a service account token until its end', async () => {
    await using world = await World.start();
    const sources = [{ serviceAccountToken: { path: 'token', expirationSeconds: 3600 } }];
    const containers = [container('web', { volumeMounts: [{ name: 't', mountPath: '/t' }] })];
    world.createPod('a', { containers, volumes: [{ name: 't', projected: { sources } }] });
    await world.until(() => world.pod('a')?.status?.phase === 'Running');

    world.client.down = true;
    await world.advanceUntil(() => world.clock.now() >= Date.UTC(2026, 0, 1, 0, 57), 60_000);
    expect(world.reasons()).not.toContain('FailedMount');

    await world.advanceUntil(() => world.reasons().includes('FailedMount'), 60_000);
  });

  it('writes a status again that lost a race', async () => {
    await using world = await World.start();
    world.client.conflicts = 3;

    world.createPod('a');

    await world.advanceUntil(() => findCondition(world.pod('a')?.status?.conditions, 'Ready')?.status === 'True');
    expect(world.client.conflicts).toBe(0);
  });

  it('puts right what somebody else writes into its part of a status', async () => {
    await using world = await World.start();
    world.createPod('a');
    await world.until(() => world.pod('a')?.status?.phase === 'Running');
    await world.advance(2000);

    world.client.change(Pod, { name: 'a', namespace: 'default' }, (pod) => void (pod.status = { phase: 'Pending' }));

    await world.until(() => world.pod('a')?.status?.phase === 'Running');
  });
});

describe('Kubelet: a disk that cannot be written', () => {
  it('says so, and starts the pod once it can be', async () => {
    await using world = await World.start();
    const path = join(world.rootDir, 'pods');
    await rm(path, { recursive: true, force: true });
    await writeFile(path, 'in the way');

    const containers = [container('web', { volumeMounts: [{ name: 'v', mountPath: '/v' }] })];
    world.createPod('a', { containers, volumes: [{ name: 'v', emptyDir: {} }] });
    await world.until(() => world.reasons().includes('FailedMount'));
    expect(world.events.find(({ reason }) => reason === 'FailedMount')?.message).toMatch(
      /^MountVolume.SetUp failed for volume "v" : ENOTDIR: not a directory/,
    );
    await rm(path);

    await world.advanceUntil(() => world.pod('a')?.status?.phase === 'Running');
  });
});

describe('Kubelet: an image that never comes', () => {
  it('keeps its pod waiting, and nobody else', async () => {
    await using world = await World.start();
    world.runtime.pullable = new Promise(() => undefined);
    world.createPod('stuck', { containers: [container('late', { imagePullPolicy: 'Always' })] });
    await world.until(() => world.runtime.journal.includes('pull late:1'));

    world.createPod('b');
    await world.until(() => world.pod('b')?.status?.phase === 'Running');
    await world.advance(600_000);

    expect(world.pod('stuck')?.status).toMatchObject({ phase: 'Pending', containerStatuses: [{ state: { waiting: {} } }] });
  });

  it('does not keep its pod from being deleted', async () => {
    await using world = await World.start();
    world.runtime.pullable = new Promise(() => undefined);
    world.createPod('stuck', { containers: [container('late', { imagePullPolicy: 'Always' })] });
    await world.until(() => world.runtime.journal.includes('pull late:1'));

    world.deletePod('stuck', 30);

    await world.advanceUntil(() => world.pod('stuck') === undefined && world.runtime.sandboxes.size === 0);
  });

  it('is pulled at most as often at the same time as it may be', async () => {
    await using world = await World.start({ maxParallelImagePulls: 2 });
    world.runtime.pullable = new Promise(() => undefined);

    for (const name of ['a', 'b', 'c']) world.createPod(name, { containers: [container(name, { imagePullPolicy: 'Always' })] });
    await world.until(() => world.reasons().filter((reason) => reason === 'Pulling').length === 3);
    await world.advance(5000);

    expect(world.runtime.journal.filter((line) => line.startsWith('pull'))).toHaveLength(2);
  });
});

describe('Kubelet: what is done by hand', () => {
  it('makes a container anew that was removed, and counts it as a restart', async () => {
    await using world = await World.start();
    world.createPod('a');
    await world.until(() => world.pod('a')?.status?.phase === 'Running');

    await world.runtime.removeContainer(world.runtime.latest('web')?.id ?? '');
    world.runtime.resync();

    await world.advanceUntil(() => restartCount(world, 'a') === 1 && world.runtime.latest('web')?.state === 'running');
    expect(world.pod('a')?.status?.containerStatuses?.[0]?.lastState?.terminated).toMatchObject({
      exitCode: 137,
      reason: 'ContainerStatusUnknown',
    });
  });

  it('makes a sandbox anew that was removed with all that was in it', async () => {
    await using world = await World.start();
    world.createPod('a');
    await world.until(() => world.pod('a')?.status?.phase === 'Running');

    await world.runtime.removeSandbox([...world.runtime.sandboxes.keys()][0] ?? '');
    world.runtime.resync();

    await world.advanceUntil(() => restartCount(world, 'a') === 1 && world.runtime.latest('web')?.state === 'running');
    expect(world.runtime.sandboxes.size).toBe(1);
  });

  it('starts what was made and never started, as the same attempt', async () => {
    await using world = await World.start();
    world.runtime.refusesStarts = true;
    world.createPod('a');
    await world.until(() => world.runtime.latest('web')?.state === 'created');

    world.runtime.refusesStarts = false;
    await world.restart();

    await world.advanceUntil(() => world.pod('a')?.status?.phase === 'Running');
    expect(restartCount(world, 'a')).toBe(0);
    expect(world.runtime.containers.size).toBe(1);
  });
});

describe('Kubelet: its leftovers', () => {
  it('writes its lease at its own pace, however much happens on the node', async () => {
    await using world = await World.start();
    await world.advance(1000);
    world.client.writes.length = 0;

    for (let at = 0; at < 20; at += 1) world.createPod(`p${at}`);
    await world.until(() => Array.from({ length: 20 }).every((_, at) => world.pod(`p${at}`)?.status?.phase === 'Running'));

    expect(world.client.writes.filter((line) => line.startsWith('patch leases') || line.startsWith('patch nodes'))).toEqual([]);
  });

  it('keeps the last words of two attempts of a crashing container, and no more', async () => {
    await using world = await World.start();
    world.runtime.scripts.set('web', { exitCode: 1 });
    world.createPod('a');

    await world.advanceUntil(() => (restartCount(world, 'a') ?? 0) >= 4);

    const uid = world.pod('a')?.metadata?.uid ?? '';
    expect(await world.files('pods', uid, 'containers', 'web')).toHaveLength(2);
    expect(world.runtime.containers.size).toBe(2);
  });
});
