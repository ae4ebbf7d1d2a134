import { controllerOf, nameOf } from '@keelson/api';
import { DaemonSet } from '@keelson/api/apps/v1';
import { Node, Pod } from '@keelson/api/core/v1';
import { KeelsonError } from '@keelson/base';
import { describe, expect, it } from 'vitest';
import { randomFrom } from '../pod-control/testing/random.ts';
import { targetOf } from './daemon-pod.ts';
import { DaemonWorld, imagePatch } from './testing/daemon-world.ts';

const ACTIONS = [
  'add',
  'remove',
  'taint',
  'update',
  'ready',
  'delete',
  'end',
  'fail',
  'hold',
  'release',
  'restart',
  'refuse',
  'wait',
] as const;
const NODES = ['n1', 'n2', 'n3', 'n4', 'n5'];

/** Nodes and pods come, go and fail, the template changes, writes are refused and caches lag, in any order. */
async function live(daemons: DaemonWorld, random: () => number): Promise<void> {
  const pick = <T>(choices: readonly T[]): T | undefined => choices[Math.floor(random() * choices.length)];
  const { world } = daemons;
  const nodes = world.client.resource(Node);
  const pods = await world.pods();
  const pod = pick(pods);
  const name = pick(NODES) ?? '';
  const node = await nodes.find({ name });
  switch (pick(ACTIONS)) {
    case 'add':
      if (!node) await nodes.create({ metadata: { name } });
      break;
    case 'remove':
      if (node) await nodes.delete({ name });
      break;
    case 'taint': {
      const taints = random() < 0.5 ? [] : [{ key: 'a', effect: pick(['NoSchedule', 'NoExecute']) ?? '' }];
      if (node) await nodes.patch({ name }, 'merge', { spec: { taints } });
      break;
    }
    case 'update':
      await world.patch(DaemonSet, 'agent', imagePatch(String(Math.floor(random() * 3))));
      break;
    case 'ready':
      await daemons.ready(pods.filter((each) => each.status?.phase === 'Pending' && !each.metadata?.deletionTimestamp));
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
      world.transport.hold(pick(['pods', 'daemonsets', 'nodes', 'controllerrevisions']) ?? '');
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
    const most = rollingUpdate.maxSurge === 0 ? 1 : 2;
    await daemons.create({ updateStrategy: { type: 'RollingUpdate', rollingUpdate } });
    const crowds: number[] = [];
    for (let turn = 0; turn < 80; turn += 1) {
      await live(daemons, random);
      const staying = (await daemons.world.pods()).filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
      crowds.push(
        ...Map.groupBy(staying, targetOf)
          .values()
          .map((pods) => pods.length),
      );
    }
    daemons.world.transport.release();
    daemons.world.world.failure = () => undefined;
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
