import { controllerOf } from '@keelson/api';
import { StatefulSet } from '@keelson/api/apps/v1';
import { describe, expect, it } from 'vitest';
import { randomFrom } from '../pod-control/testing/random.ts';
import { TROUBLES, Troubles } from '../pod-control/testing/troubles.ts';
import { imagePatch, StatefulWorld } from './testing/stateful-world.ts';

const ACTIONS = ['scale', 'update', 'ready', 'unready', ...TROUBLES] as const;
const MOST = 5;

/** Pods come, go and fail, the template changes, writes are refused and caches lag, in any order. */
async function live(sets: StatefulWorld, random: () => number, troubles: Troubles): Promise<void> {
  const { world } = sets;
  const pods = await world.pods();
  const pod = troubles.pick(pods);
  const action = troubles.pick(ACTIONS);
  switch (action) {
    case undefined:
      break;
    case 'scale':
      await world.patch(StatefulSet, 'web', { spec: { replicas: Math.floor(random() * (MOST + 1)) } });
      break;
    case 'update':
      await world.patch(StatefulSet, 'web', imagePatch(String(Math.floor(random() * 3))));
      break;
    case 'ready':
      await world.makeReady(pods.filter((each) => each.status?.phase === 'Pending' && !each.metadata?.deletionTimestamp));
      break;
    case 'unready':
      if (pod?.status?.phase === 'Running') await world.setStatus(pod, { conditions: [{ type: 'Ready', status: 'False' }] });
      break;
    default:
      await troubles.make(action);
  }
  await sets.settle();
}

describe('statefulSetController, whatever happens', () => {
  it.each([
    { seed: 1, podManagementPolicy: 'OrderedReady' },
    { seed: 2, podManagementPolicy: 'Parallel' },
    { seed: 3, podManagementPolicy: 'OrderedReady' },
    { seed: 4, podManagementPolicy: 'Parallel' },
  ])('makes no pod it should not, and arrives ($podManagementPolicy, seed $seed)', async ({ seed, podManagementPolicy }) => {
    await using sets = await StatefulWorld.start();
    const random = randomFrom(seed);
    const troubles = new Troubles(sets.world, random, 'pods', 'statefulsets', 'controllerrevisions');
    await sets.create({ replicas: 3, podManagementPolicy });
    const highest: number[] = [];
    for (let turn = 0; turn < 80; turn += 1) {
      await live(sets, random, troubles);
      highest.push(...(await sets.names()).map((name) => Number(name.slice(4))));
    }
    troubles.over();
    await sets.patch({ spec: { replicas: 3, template: { spec: { containers: [{ name: 'c', image: 'nginx:last' }] } } } });
    // What became unready in between is brought back by hand, as one has to in Kubernetes.
    for (let turn = 0; turn < 5; turn += 1) {
      await sets.world.clock.advance(1_000_000);
      await sets.world.end(
        (await sets.world.pods()).filter(
          ({ status }) => !status?.conditions?.some(({ type, status: s }) => type === 'Ready' && s === 'True'),
        ),
      );
      await sets.arrive();
    }
    const { writes } = sets.world.world;
    const before = writes.length;
    await sets.world.clock.advance(3_600_000);
    await sets.settle();
    const set = await sets.set;
    const { updateRevision } = set.status ?? {};

    expect(Math.max(...highest)).toBeLessThan(MOST);
    expect(await sets.images()).toEqual(['web-0 nginx:last', 'web-1 nginx:last', 'web-2 nginx:last']);
    expect((await sets.world.pods()).map((pod) => controllerOf(pod)?.uid)).toEqual(
      Array.from({ length: 3 }, () => set.metadata?.uid),
    );
    expect(set.status).toMatchObject({
      replicas: 3,
      readyReplicas: 3,
      availableReplicas: 3,
      updatedReplicas: 3,
      currentRevision: updateRevision,
      observedGeneration: set.metadata?.generation,
    });
    expect(new Set((await sets.revisions()).map(({ revision }) => revision)).size).toBe((await sets.revisions()).length);
    expect(writes.slice(before)).toEqual([]);
  });
});
