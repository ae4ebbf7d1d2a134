import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { container, World } from './testing/world.ts';

const MI = 1024 * 1024;

describe('Kubelet: volumes that do not become ready', () => {
  it('are tried again after half a second, and then after twice as long each time, at most two minutes and two seconds', async () => {
    await using world = await World.start();
    const startMs = world.clock.now();
    const failures = () => world.reasons().filter((reason) => reason === 'FailedMount').length;
    const containers = [container('web', { volumeMounts: [{ name: 'v', mountPath: '/v' }] })];
    world.createPod('a', { containers, volumes: [{ name: 'v', configMap: { name: 'missing' } }] });
    await world.until(() => failures() === 1);

    const waits: number[] = [];
    for (let count = 2, lastMs = startMs; count <= 11; count += 1) {
      await world.advanceUntil(() => failures() >= count, 500, 1000);
      waits.push((world.clock.now() - lastMs) / 1000);
      lastMs = world.clock.now();
    }

    expect(waits).toEqual([0.5, 1, 2, 4, 8, 16, 32, 64, 122, 122]);
  });
});

describe('Kubelet: emptyDirs with a size limit', () => {
  it('end the pod that goes beyond it, and no other', async () => {
    await using world = await World.start();
    const containers = [container('web', { volumeMounts: [{ name: 'v', mountPath: '/v' }] })];
    const volumes = [{ name: 'v', emptyDir: { sizeLimit: '1Mi' } }];
    for (const name of ['modest', 'greedy']) world.createPod(name, { containers, volumes });
    await world.until(() => ['modest', 'greedy'].every((name) => world.pod(name)?.status?.phase === 'Running'));
    const directory = (name: string) =>
      join(world.rootDir, 'pods', world.pod(name)?.metadata?.uid ?? '', 'volumes/kubernetes.io~empty-dir/v');
    await writeFile(join(directory('modest'), 'file'), Buffer.alloc(MI / 2, 'x'));
    await writeFile(join(directory('greedy'), 'file'), Buffer.alloc(2 * MI, 'x'));

    await world.advanceUntil(() => world.pod('greedy')?.status?.phase === 'Failed');
    await world.advance(20_000);

    const message = 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". ';
    expect(world.pod('greedy')?.status).toMatchObject({ reason: 'Evicted', message });
    expect(world.events).toContainEqual(expect.objectContaining({ type: 'Warning', reason: 'Evicted', message }));
    expect(world.pod('modest')?.status?.phase).toBe('Running');
  });
});

describe('Kubelet: limits of ephemeral storage', () => {
  const storage = (limit: string) => ({ resources: { limits: { 'ephemeral-storage': limit } } });

  it('end the pod whose container has written too much, and no other', async () => {
    await using world = await World.start();
    world.createPod('modest', { containers: [container('modest', storage('1Mi'))] });
    world.createPod('greedy', { containers: [container('greedy', storage('1Mi')), container('side', storage('1Gi'))] });
    world.createPod('free', { containers: [container('free')] });
    for (const name of ['free', 'greedy', 'modest']) await world.until(() => world.pod(name)?.status?.phase === 'Running');
    world.runtime.written
      .set('modest', MI / 2)
      .set('greedy', 2 * MI)
      .set('free', 50 * MI);

    await world.advanceUntil(() => world.pod('greedy')?.status?.phase === 'Failed');
    await world.advance(20_000);

    const message = 'Container greedy exceeded its local ephemeral storage limit "1Mi". ';
    expect(world.pod('greedy')?.status).toMatchObject({ reason: 'Evicted', message });
    expect(world.events).toContainEqual(expect.objectContaining({ type: 'Warning', reason: 'Evicted', message }));
    expect(['free', 'modest'].map((name) => world.pod(name)?.status?.phase)).toEqual(['Running', 'Running']);
  });

  it('hold for what is in volumes of the pod too, and spare critical ones', async () => {
    await using world = await World.start();
    const containers = [container('web', { ...storage('1Mi'), volumeMounts: [{ name: 'v', mountPath: '/v' }] })];
    const volumes = [{ name: 'v', emptyDir: {} }];
    world.createPod('ordinary', { containers, volumes });
    world.createPod('critical', { containers, volumes, priority: 2_000_000_000 });
    for (const name of ['critical', 'ordinary']) {
      await world.until(() => world.pod(name)?.status?.phase === 'Running');
      const directory = join(world.rootDir, 'pods', world.pod(name)?.metadata?.uid ?? '', 'volumes/kubernetes.io~empty-dir/v');
      await writeFile(join(directory, 'file'), Buffer.alloc(2 * MI, 'x'));
    }

    await world.advanceUntil(() => world.pod('ordinary')?.status?.phase === 'Failed');
    await world.advance(20_000);

    const message = 'Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. ';
    expect(world.pod('ordinary')?.status).toMatchObject({ reason: 'Evicted', message });
    expect(world.pod('critical')?.status?.phase).toBe('Running');
  });
});

describe('Kubelet: images as volumes', () => {
  const volumes = [{ name: 'v', image: { reference: 'pictures:1', pullPolicy: 'IfNotPresent' } }];
  const containers = [container('web', { volumeMounts: [{ name: 'v', mountPath: '/v', subPath: 'small' }] }), container('side')];

  it('are pulled for the container that mounts them', async () => {
    await using world = await World.start();
    world.runtime.remoteImages.add('pictures:1');

    world.createPod('a', { containers, volumes });
    await world.until(() => world.pod('a')?.status?.phase === 'Running');

    const mounted = { image: { id: 'pictures:1', subPath: 'small' }, containerPath: '/v', readOnly: true, hostPath: '' };
    expect(world.runtime.latest('web')?.config.mounts).toContainEqual(mounted);
    expect(world.runtime.latest('side')?.config.mounts).not.toContainEqual(mounted);
    expect(world.runtime.journal.filter((line) => line.startsWith('pull'))).toEqual(['pull pictures:1']);
  });

  it('keep their container waiting, and no other, while they cannot be pulled', async () => {
    await using world = await World.start();
    world.runtime.missingImages.add('pictures:1');
    const waitingOf = (name: string) =>
      world.pod('a')?.status?.containerStatuses?.find((status) => status.name === name)?.state?.waiting;

    world.createPod('a', { containers, volumes });
    await world.until(() => waitingOf('web')?.reason === 'ErrImagePull');
    expect(waitingOf('web')?.message).toBe('manifest for pictures:1 not found');
    expect(world.runtime.latest('side')?.state).toBe('running');
    world.runtime.missingImages.clear();
    await world.advanceUntil(() => world.pod('a')?.status?.phase === 'Running' && !waitingOf('web'));

    expect(world.events).toContainEqual(
      expect.objectContaining({
        reason: 'Failed',
        message: 'Failed to pull image "pictures:1": manifest for pictures:1 not found',
      }),
    );
  });
});
