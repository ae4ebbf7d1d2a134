import { controllerOf, nameOf } from '@keelson/api';
import { DaemonSet } from '@keelson/api/apps/v1';
import { Node } from '@keelson/api/core/v1';
import { describe, expect, it } from 'vitest';
import { randomFrom } from '../pod-control/testing/random.ts';
import { TROUBLES, Troubles } from '../pod-control/testing/troubles.ts';
import { targetOf } from './daemon-pod.ts';
import { DaemonWorld, imagePatch } from './testing/daemon-world.ts';

const ACTIONS = ['add', 'remove', 'taint', 'update', 'ready', ...TROUBLES] as const;
const NODES = ['n1', 'n2', 'n3', 'n4', 'n5'];

/** Nodes and pods come, go and fail, the template changes, writes are refused and caches lag, in any order. */
async function live(daemons: DaemonWorld, random: () => number, troubles: Troubles): Promise<void> {
  const { world } = daemons;
  const nodes = world.client.resource(Node);
  const name = troubles.pick(NODES) ?? '';
  const node = await nodes.find({ name });
  const action = troubles.pick(ACTIONS);
  switch (action) {
    case undefined:
      break;
    case 'add':
      if (!node) await nodes.create({ metadata: { name } });
      break;
    case 'remove':
      if (node) await nodes.delete({ name });
      break;
    case 'taint': {
      const taints = random() < 0.5 ? [] : [{ key: 'a', effect: troubles.pick(['NoSchedule', 'NoExecute']) ?? '' }];
      if (node) await nodes.patch({ name }, 'merge', { spec: { taints } });
      break;
    }
    case 'update':
      await world.patch(DaemonSet, 'agent', imagePatch(String(Math.floor(random() * 3))));
      break;
    case 'ready':
      await daemons.ready(
        (await world.pods()).filter((each) => each.status?.phase === 'Pending' && !each.metadata?.deletionTimestamp),
      );
      break;
    default:
      await troubles.make(action);
  }
  await daemons.settle();
}

describe('daemonSetController, whatever happens', () => {
  it.each([
    { seed: 1, rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
    { seed: 2, rollingUpdate: { maxUnavailable: 0, maxSurge: 2 } },
    { seed: 3, rollingUpdate: { maxUnavailable: '50%', maxSurge: 0 } },
    { seed: 4, rollingUpdate: { maxUnavailable: 0, maxSurge: '100%' } },
  ])('runs no two pods that it should not, and arrives (seed $seed)', async ({ seed, rollingUpdate }) => {
    await using daemons = await DaemonWorld.start('n1', 'n2', 'n3');
    const random = randomFrom(seed);
    const troubles = new Troubles(daemons.world, random, 'pods', 'daemonsets', 'nodes', 'controllerrevisions');
    const most = rollingUpdate.maxSurge === 0 ? 1 : 2;
    await daemons.create({ updateStrategy: { type: 'RollingUpdate', rollingUpdate } });
    const crowds: number[] = [];
    for (let turn = 0; turn < 80; turn += 1) {
      await live(daemons, random, troubles);
      const staying = (await daemons.world.pods()).filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
      crowds.push(
        ...Map.groupBy(staying, targetOf)
          .values()
          .map((pods) => pods.length),
      );
    }
    troubles.over();
    const { items: nodes } = await daemons.world.client.resource(Node).list();
    for (const node of nodes) await daemons.patchNode(nameOf(node), { spec: { taints: [] } });
    await daemons.patch(imagePatch('last'));
    for (let turn = 0; turn < 3; turn += 1) {
      await daemons.world.clock.advance(1_900_000);
      await daemons.arrive();
      // What the garbage collector of pods does for nodes that are gone.
      await daemons.world.end(
        (await daemons.world.pods()).filter((pod) => !nodes.some((node) => nameOf(node) === targetOf(pod))),
      );
    }
    await daemons.arrive();
    const { writes } = daemons.world.world;
    const before = writes.length;
    await daemons.world.clock.advance(3_600_000);
    await daemons.settle();
    const set = await daemons.set;
    const count = nodes.length;

    expect(Math.max(...crowds)).toBeLessThanOrEqual(most);
    expect(await daemons.images()).toEqual(nodes.map((node) => `${nameOf(node)} nginx:last`).toSorted());
    expect((await daemons.world.pods()).every((pod) => controllerOf(pod)?.uid === set.metadata?.uid)).toBe(true);
    expect(set.status).toMatchObject({
      desiredNumberScheduled: count,
      currentNumberScheduled: count,
      numberMisscheduled: 0,
      numberReady: count,
      observedGeneration: set.metadata?.generation,
    });
    expect(writes.slice(before)).toEqual([]);
  });
});
