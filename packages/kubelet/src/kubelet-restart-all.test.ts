import { findCondition } from '@keelson/api';
import type { ContainerStatus, PodSpec, PodStatus } from '@keelson/api/core/v1';
import { describe, expect, it } from 'vitest';
import { container, World } from './testing/world.ts';

const RULE = { action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [88] } };
const POD: Partial<PodSpec> = {
  restartPolicy: 'Never',
  initContainers: [container('first'), container('side', { restartPolicy: 'Always' })],
  containers: [
    container('web', { lifecycle: { preStop: { exec: { command: ['hook'] } } } }),
    container('watch', { restartPolicy: 'Never', restartPolicyRules: [RULE] }),
  ],
};

function statusOf(world: World, name: string): ContainerStatus | undefined {
  const { containerStatuses = [], initContainerStatuses = [] } = world.pod('a')?.status ?? {};
  return [...containerStatuses, ...initContainerStatuses].find((status) => status.name === name);
}

function restarting(world: World): string | undefined {
  return findCondition(world.pod('a')?.status?.conditions, 'AllContainersRestarting')?.status;
}

function brief(status: PodStatus = {}): string {
  const { reason, status: is } = findCondition(status.conditions, 'AllContainersRestarting') ?? {};
  return [status.phase, is, reason, status.containerStatuses?.[0]?.state?.waiting?.reason].join();
}

const NAMES = ['first', 'side', 'web', 'watch'];
const restarts = (world: World) => NAMES.map((name) => statusOf(world, name)?.restartCount);
const isReady = (world: World) => findCondition(world.pod('a')?.status?.conditions, 'Ready')?.status === 'True';

/** A pod whose containers run. */
async function running(): Promise<World> {
  const world = await World.start();
  world.runtime.scripts.set('first', { exitCode: 0 });
  world.createPod('a', POD);
  await world.until(() => isReady(world));
  return world;
}

describe('Kubelet: the end of one container restarts all', () => {
  it('kills and removes all at once, and starts from the first init container in the same sandbox', async () => {
    await using world = await running();
    expect(restarting(world)).toBe('False');
    world.runtime.journal.length = 0;

    world.runtime.exit('watch', 88);
    await world.until(() => restarts(world).every((count) => count === 1) && isReady(world));

    expect(world.runtime.journal).toEqual([
      ...['side', 'web'].map((name) => expect.stringMatching(`^stop ${name} 2$`)),
      'start first',
      'start side',
      'start web',
      'start watch',
    ]);
    expect(restarting(world)).toBe('False');
    expect(world.pod('a')?.status?.phase).toBe('Running');
    const end = { exitCode: 137, reason: 'RestartingAllContainers' };
    for (const name of NAMES) expect(statusOf(world, name)?.lastState?.terminated).toMatchObject(end);
    expect(world.runtime.containers.size).toBe(NAMES.length);
  });

  it('says so while it does it', async () => {
    await using world = await running();
    const seen: string[] = [];
    const subscription = world.client.podsOf('n1').deltas$.subscribe((deltas) => {
      for (const { object } of deltas) seen.push(brief(object.status));
    });

    world.runtime.exit('watch', 88);
    await world.until(() => restarts(world).every((count) => count === 1) && isReady(world));

    subscription.unsubscribe();
    expect(seen).toContain('Running,True,RestartAllContainersStarted,');
    expect(seen).toContain('Pending,False,,RestartingAllContainers');
  });

  it('makes the container that ends so each time wait longer and longer', async () => {
    await using world = await running();
    const waited: string[] = [];
    for (const count of [1, 2, 3]) {
      const isAgain = (): boolean => statusOf(world, 'watch')?.restartCount === count && isReady(world);
      const isWaiting = (): boolean => statusOf(world, 'watch')?.state?.waiting?.reason === 'CrashLoopBackOff';
      world.runtime.exit('watch', 88);
      await world.until(() => isAgain() || isWaiting());
      waited.push(statusOf(world, 'watch')?.state?.waiting?.message?.split(' ')[1] ?? 'not at all');
      await world.advanceUntil(isAgain);
    }

    expect(waited).toEqual(['not at all', '10s', '20s']);
  });

  it('goes on with it after a restart of the kubelet, and counts it once', async () => {
    await using world = await running();
    await world.kubelet.stop();
    world.runtime.exit('watch', 88);
    // What it had come to: the rest is gone, and the one that ended is always the last.
    for (const name of ['first', 'side', 'web']) await world.runtime.removeContainer(world.runtime.latest(name)?.id ?? '');

    await world.restart();
    await world.until(() => isReady(world) && statusOf(world, 'watch')?.restartCount === 1);

    expect(restarts(world)).toEqual([1, 1, 1, 1]);
  });
});
