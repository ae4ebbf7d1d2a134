import { nameOf } from '@keelson/api';
import { describe, expect, it } from 'vitest';
import { randomFrom } from '../pod-control/testing/random.ts';
import { sizeOf, sum } from './replica-sets.ts';
import { imagePatch, RolloutWorld } from './testing/rollout-world.ts';

const REPLICAS = 6;
const SURGE = 2;
const UNAVAILABLE = 2;
const ACTIONS = ['patch', 'step', 'step', 'step', 'hold', 'release', 'restart', 'wait'] as const;
const RESOURCES = ['pods', 'replicasets', 'deployments'];

/** Templates change, pods come and go, caches lag and controllers start anew, in any order. */
async function live(world: RolloutWorld, random: () => number): Promise<void> {
  const pick = <T>(choices: readonly T[]): T | undefined => choices[Math.floor(random() * choices.length)];
  const action = pick(ACTIONS);
  if (action === 'patch') await world.patch(imagePatch(pick(['1', '2', '3', '4']) ?? ''));
  if (action === 'step') await world.step();
  if (action === 'hold') world.world.transport.hold(pick(RESOURCES) ?? '');
  if (action === 'release') world.world.transport.release();
  if (action === 'restart') {
    // A new process lists everything, so it begins with a cache that is not behind.
    world.world.transport.release();
    await world.world.restart();
  }
  if (action === 'wait') await world.world.clock.advance(Math.floor(random() * 60_000));
  await world.settle();
}

// 51 once wanted 12 pods, by a cache that did not show what it had written; 53 once counted on pods that were about to go.
describe('deploymentController, whatever happens', () => {
  it.each([1, 2, 51, 53])('keeps enough pods, never wants too many, and arrives (seed %i)', async (seed) => {
    await using world = await RolloutWorld.start();
    const random = randomFrom(seed);
    const rollingUpdate = { maxSurge: SURGE, maxUnavailable: UNAVAILABLE };
    await world.create({ replicas: REPLICAS, strategy: { type: 'RollingUpdate', rollingUpdate } });
    await world.rollOut();
    world.moments.length = 0;
    const wanted: number[] = [];
    for (let turn = 0; turn < 60; turn += 1) {
      await live(world, random);
      wanted.push(sum(await world.world.replicaSets(), sizeOf));
    }
    world.world.transport.release();
    const done = await world.rollOut();
    const { writes } = world.world.world;
    const before = writes.length;
    await world.world.clock.advance(3_600_000);
    await world.settle();
    const image = done.spec?.template.spec?.containers[0]?.image ?? '';
    const active = (await world.world.replicaSets()).filter((set) => sizeOf(set) > 0);

    expect(Math.min(...world.moments.map(({ ready }) => ready))).toBeGreaterThanOrEqual(REPLICAS - UNAVAILABLE);
    expect(Math.max(...wanted)).toBeLessThanOrEqual(REPLICAS + SURGE);
    expect((await world.sizes())[image]).toBe(REPLICAS);
    expect(active.map(nameOf)).toHaveLength(1);
    expect(await world.world.pods()).toHaveLength(REPLICAS);
    expect(done.status).toMatchObject({ replicas: REPLICAS, updatedReplicas: REPLICAS, availableReplicas: REPLICAS });
    expect(writes.slice(before)).toEqual([]);
  });
});
