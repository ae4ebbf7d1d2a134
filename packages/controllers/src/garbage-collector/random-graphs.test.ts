import { eventually } from '@keelson/base/testing';
import { controllerReference, type KubernetesObject } from '@keelson/api';
import { ConfigMap } from '@keelson/api/core/v1';
import type { DeleteOptions } from '@keelson/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startWorld, turns, type World } from '../testing/world.ts';
import { garbageCollectorController } from './garbage-collector-controller.ts';

const SIZE = 30;
const POLICIES = ['Background', 'Foreground'] as const;

/** Numbers from 0 up to `below`, the same ones for the same seed. */
function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Who owns whom: each object only earlier ones, by their numbers. */
function randomOwners(roll: (below: number) => number): number[][] {
  return Array.from({ length: SIZE }, (_, at) => {
    const wanted = at === 0 ? 0 : roll(4);
    return [...new Set(Array.from({ length: wanted }, () => roll(at)))];
  });
}

/** What must be left: what was not deleted, and never had an owner or still has one. */
function survivors(owners: readonly number[][], deleted: ReadonlySet<number>): number[] {
  const left = new Set<number>();
  owners.forEach((own, at) => {
    const isOwned = own.length === 0 || own.some((owner) => left.has(owner));
    if (!deleted.has(at) && isOwned) left.add(at);
  });
  return [...left];
}

/** References to what is not there. */
function dangling(items: readonly KubernetesObject[]): readonly unknown[] {
  const uids = new Set(items.map(({ metadata }) => metadata?.uid));
  return items.flatMap(({ metadata }) => metadata?.ownerReferences ?? []).filter(({ uid }) => !uids.has(uid));
}

describe('garbage-collector-controller on random graphs', () => {
  let world: World;

  beforeEach(async () => {
    world = await startWorld({ namespaces: ['default'] });
  });

  afterEach(() => world[Symbol.asyncDispose]());

  const configMaps = () => world.client.resource(ConfigMap);
  const remove = (at: number, options: DeleteOptions) => configMaps().delete({ name: `c${at}`, namespace: 'default' }, options);
  const left = async (): Promise<readonly KubernetesObject[]> => (await configMaps().list({ namespace: 'default' })).items;
  const numbers = (items: readonly KubernetesObject[]): number[] =>
    items.map(({ metadata }) => Number(metadata?.name?.slice(1))).toSorted((a, b) => a - b);

  async function build(owners: readonly number[][], roll: (below: number) => number): Promise<void> {
    const made: KubernetesObject[] = [];
    for (const [at, own] of owners.entries()) {
      const ownerReferences = own.map((owner, index) => ({
        ...controllerReference(made[owner] ?? {}, ConfigMap),
        controller: index === 0,
        blockOwnerDeletion: roll(2) === 0,
      }));
      made.push(await configMaps().create({ metadata: { name: `c${at}`, namespace: 'default', ownerReferences } }));
    }
  }

  it.each([1, 2, 3, 4, 5, 6])('leaves what still has an owner, and nothing else (seed %i)', async (seed) => {
    const roll = dice(seed);
    const owners = randomOwners(roll);
    const deleted = new Set(Array.from({ length: 6 }, () => roll(SIZE)));
    await build(owners, roll);
    await world.run(garbageCollectorController);

    // What has gone with its owner before it is its turn cannot be deleted again.
    for (const at of deleted) await remove(at, { propagationPolicy: POLICIES[roll(2)] ?? 'Background' }).catch(() => undefined);

    const wanted = survivors(owners, deleted);
    await eventually(async () => {
      const items = await left();
      return numbers(items).join() === wanted.join() && dangling(items).length === 0;
    });
    await turns(100);
    expect(numbers(await left())).toEqual(wanted);
  });

  it.each([7, 8, 9])('finishes after any number of restarts (seed %i)', async (seed) => {
    const roll = dice(seed);
    const owners = randomOwners(roll);
    const deleted = new Set(Array.from({ length: 4 }, () => roll(SIZE)));
    await build(owners, roll);
    for (const at of deleted) await remove(at, { propagationPolicy: POLICIES[roll(2)] ?? 'Background' });

    for (let restart = 0; restart < 5; restart += 1) {
      await world.run(garbageCollectorController);
      await turns(roll(20));
      await world.stopControllers();
    }
    await world.run(garbageCollectorController);

    const wanted = survivors(owners, deleted);
    await eventually(async () => numbers(await left()).join() === wanted.join());
  });
});
