import type { KubernetesObject } from '@keelson/api';
import { ConfigMap } from '@keelson/api/core/v1';
import { silentLogger } from '@keelson/base';
import { ManualClock } from '@keelson/base/testing';
import { createClient } from '@keelson/client';
import { CachedInformer, type Delta } from '@keelson/controller-runtime';
import { expect, it } from 'vitest';
import { startCluster } from '../cluster.ts';
import { ChaoticTransport } from './chaotic-transport.ts';

/** A small generator of numbers from 0 up to 1 (mulberry32): the same for the same seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const HOUR_S = 3_600;
const SETTLE_S = 120;

/** By name and version. */
const versions = (objects: readonly KubernetesObject[]): readonly string[] =>
  objects.map(({ metadata }) => `${metadata?.name} ${metadata?.uid} ${metadata?.resourceVersion}`).toSorted();

it.each([
  { seed: 1, way: 'watches of all', initialEvents: true },
  { seed: 2, way: 'watches of all', initialEvents: true },
  { seed: 3, way: 'lists', initialEvents: false },
])('an informer has what the server has after an hour of chaos (seed $seed, $way)', async ({ seed, initialEvents }) => {
  const clock = new ManualClock();
  const random = seeded(seed);
  await using cluster = await startCluster({ nodes: 0, controllers: false, scheduler: false, clock });
  const maps = cluster.client.resource(ConfigMap);
  const chaos = new ChaoticTransport({ transport: cluster.transport, clock, random });
  chaos.initialEvents = initialEvents;
  const informer = new CachedInformer(
    ConfigMap,
    { client: createClient(chaos), clock, logger: silentLogger, random },
    { namespace: 'default', maxAgeMs: 600_000 },
  );
  // What a consumer of the deltas comes to have.
  const told = new Map<string, KubernetesObject>();
  const broken: string[] = [];
  informer.deltas$.subscribe((deltas) => {
    for (const delta of deltas) follow(told, delta, broken);
  });
  void informer.start(new AbortController().signal).catch(() => undefined);

  for (let second = 0; second < HOUR_S; second += 1) {
    const name = `map-${Math.floor(random() * 20)}`;
    const where = { name, namespace: 'default' };
    const dice = random();
    if (dice < 0.4) await maps.create({ metadata: where }).catch(() => undefined);
    else if (dice < 0.8) await maps.patch(where, 'merge', { data: { second: `${second}` } }).catch(() => undefined);
    else await maps.delete(where).catch(() => undefined);
    if (random() < 0.01) cluster.faults.dropWatches({ resource: 'configmaps' });
    if (random() < 0.005) cluster.faults.expireWatches({ resource: 'configmaps' });
    if (random() < 0.001) await cluster.restart();
    await clock.advance(1_000);
  }
  chaos.isCalm = true;
  await clock.advance(SETTLE_S * 1_000);

  const { items } = await maps.list({ namespace: 'default' });
  expect(chaos.faults).toBeGreaterThan(200);
  expect(chaos.wholeWatches > 10).toBe(initialEvents);
  expect(versions(informer.list())).toEqual(versions(items));
  expect(versions([...told.values()])).toEqual(versions(items));
  expect(broken).toEqual([]);
  await informer.stop();
});

/** Each delta has to fit what was told before. */
function follow(told: Map<string, KubernetesObject>, delta: Delta<KubernetesObject>, broken: string[]): void {
  const name = delta.object.metadata?.name ?? '';
  const known = told.get(name);
  if ((delta.type === 'added') === (known !== undefined))
    broken.push(`${delta.type} of ${name}, which was ${known ? '' : 'not '}there`);
  if (delta.type === 'updated' && delta.old !== known) broken.push(`update of another state of ${name}`);
  if (delta.type === 'deleted') told.delete(name);
  else told.set(name, delta.object);
}
