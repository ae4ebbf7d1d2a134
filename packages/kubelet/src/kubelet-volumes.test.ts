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
