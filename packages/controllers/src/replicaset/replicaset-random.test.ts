import { controllerOf, nameOf } from '@keelson/api';
import { ReplicaSet } from '@keelson/api/apps/v1';
import { Pod } from '@keelson/api/core/v1';
import { KeelsonError } from '@keelson/base';
import { describe, expect, it } from 'vitest';
import { randomFrom } from '../pod-control/testing/random.ts';
import { isActive, templateOf, WorkloadWorld } from '../pod-control/testing/workload-world.ts';
import { replicaSetController } from './replicaset-controller.ts';

const ACTIONS = [
  'scale',
  'ready',
  'delete',
  'end',
  'relabel',
  'orphan',
  'fail',
  'hold',
  'release',
  'restart',
  'refuse',
  'wait',
] as const;
const MOST = 8;

/** Pods come, go, fail and wander, creations are refused and caches lag, in any order. */
async function live(world: WorkloadWorld, random: () => number): Promise<void> {
  const pick = <T>(choices: readonly T[]): T | undefined => choices[Math.floor(random() * choices.length)];
  const pods = await world.pods({ app: 'web' });
  const pod = pick(pods) ?? {};
  switch (pick(ACTIONS)) {
    case 'scale':
      await world.patch(ReplicaSet, 'web', { spec: { replicas: Math.floor(random() * (MOST + 1)) } });
      break;
    case 'ready':
      await world.makeReady(pods.filter((each) => isActive(each) && each.status?.phase === 'Pending'));
      break;
    case 'delete':
      if (pods.length > 0) await world.client.resource(Pod).delete({ name: nameOf(pod), namespace: 'default' });
      break;
    case 'end':
      await world.end();
      break;
    case 'relabel':
      if (pods.length > 0) await world.patch(Pod, nameOf(pod), { metadata: { labels: { app: 'other' } } });
      break;
    case 'orphan':
      await world.create(Pod, { ...templateOf('web'), metadata: { generateName: 'orphan-', labels: { app: 'web' } } });
      break;
    case 'fail':
      if (pods.length > 0) await world.setStatus(pod, { phase: 'Failed' });
      break;
    case 'hold':
      world.transport.hold(pick(['pods', 'replicasets']) ?? '');
      break;
    case 'restart':
      world.transport.release();
      await world.restart();
      break;
    case 'refuse':
      world.transport.intercept = ({ body }) => {
        if ((body as Pod | undefined)?.metadata?.generateName === 'web-' && random() < 0.5)
          throw new KeelsonError('Forbidden', 'exceeded quota');
      };
      break;
    case 'release':
      world.transport.release();
      world.transport.intercept = () => undefined;
      break;
    case 'wait':
      await world.clock.advance(Math.floor(random() * 60_000));
      break;
    case undefined:
  }
  await world.settle();
}

describe('replicaSetController, whatever happens', () => {
  it.each([1, 2, 3, 4])('never makes too many pods, and arrives (seed %i)', async (seed) => {
    await using world = await WorkloadWorld.start(replicaSetController);
    const random = randomFrom(seed);
    const [selector, template] = [{ matchLabels: { app: 'web' } }, templateOf('web')];
    await world.create(ReplicaSet, { metadata: { name: 'web' }, spec: { replicas: 4, selector, template } });
    const made: number[] = [];
    for (let turn = 0; turn < 80; turn += 1) {
      await live(world, random);
      const pods = await world.pods({ app: 'web' });
      made.push(
        pods.filter((pod) => isActive(pod) && pod.status?.phase !== 'Failed' && pod.metadata?.generateName === 'web-').length,
      );
    }
    world.transport.release();
    world.transport.intercept = () => undefined;
    await world.clock.advance(1_000_000);
    await world.settle();
    await world.end();
    await world.settle();
    const { writes } = world.world;
    const before = writes.length;
    await world.clock.advance(3_600_000);
    await world.settle();
    const set = await world.get(ReplicaSet, 'web');
    const strangers = (await world.pods({ app: 'other' })).filter((pod) => pod.status?.phase !== 'Failed');
    const mine = (await world.pods({ app: 'web' })).filter((pod) => pod.status?.phase !== 'Failed');

    expect(Math.max(...made)).toBeLessThanOrEqual(MOST);
    expect(mine.map((pod) => controllerOf(pod)?.uid)).toEqual(Array.from(mine, () => set.metadata?.uid));
    expect(mine).toHaveLength(set.spec?.replicas ?? -1);
    expect(set.status).toMatchObject({
      replicas: mine.length,
      terminatingReplicas: 0,
      observedGeneration: set.metadata?.generation,
    });
    expect(set.status?.conditions).toBeUndefined();
    expect(strangers.map((pod) => controllerOf(pod))).toEqual(strangers.map(() => undefined));
    expect(writes.slice(before)).toEqual([]);
  });
});
