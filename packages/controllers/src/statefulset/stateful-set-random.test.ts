import { controllerOf, nameOf } from '@keelson/api';
import { StatefulSet } from '@keelson/api/apps/v1';
import { Pod } from '@keelson/api/core/v1';
import { KeelsonError } from '@keelson/base';
import { describe, expect, it } from 'vitest';
import { randomFrom } from '../pod-control/testing/random.ts';
import { imagePatch, StatefulWorld } from './testing/stateful-world.ts';

const ACTIONS = [
  'scale',
  'update',
  'ready',
  'unready',
  'delete',
  'end',
  'fail',
  'hold',
  'release',
  'restart',
  'refuse',
  'wait',
] as const;
const MOST = 5;

/** Pods come, go and fail, the template changes, writes are refused and caches lag, in any order. */
async function live(sets: StatefulWorld, random: () => number): Promise<void> {
  const pick = <T>(choices: readonly T[]): T | undefined => choices[Math.floor(random() * choices.length)];
  const { world } = sets;
  const pods = await world.pods();
  const pod = pick(pods);
  switch (pick(ACTIONS)) {
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
    case 'delete':
      if (pod) await world.client.resource(Pod).delete({ name: nameOf(pod), namespace: 'default' });
      break;
    case 'end':
      await world.end();
      break;
    case 'fail':
      if (pod) await world.setStatus(pod, { phase: 'Failed' });
      break;
    case 'hold':
      world.transport.hold(pick(['pods', 'statefulsets', 'controllerrevisions']) ?? '');
      break;
    case 'restart':
      world.transport.release();
      await world.restart();
      break;
    case 'refuse':
      world.world.failure = ({ method, path }) => {
        if (method === 'GET' || path.endsWith('/events') || random() > 0.3) return undefined;
        return new KeelsonError(random() < 0.5 ? 'Conflict' : 'InternalError', 'bad luck');
      };
      break;
    case 'release':
      world.transport.release();
      world.world.failure = () => undefined;
      break;
    case 'wait':
      await world.clock.advance(Math.floor(random() * 60_000));
      break;
    case undefined:
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
    await sets.create({ replicas: 3, podManagementPolicy });
    const highest: number[] = [];
    for (let turn = 0; turn < 80; turn += 1) {
      await live(sets, random);
      highest.push(...(await sets.names()).map((name) => Number(name.slice(4))));
    }
    sets.world.transport.release();
    sets.world.world.failure = () => undefined;
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
