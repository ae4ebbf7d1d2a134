import { Event, Node, Pod, type Taint, type Toleration } from '@keelson/api/core/v1';
import { eventually, ManualClock } from '@keelson/base/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makePod } from '../testing/pods.ts';
import { startWorld, turns, type World } from '../testing/world.ts';
import { taintEvictionController } from './taint-eviction-controller.ts';

const TAINT: Taint = { key: 'a', effect: 'NoExecute' };

describe('taint-eviction-controller', () => {
  let world: World;
  let clock: ManualClock;

  beforeEach(async () => {
    clock = new ManualClock();
    world = await startWorld({ clock });
    await world.client.resource(Node).create({ metadata: { name: 'n' } });
    await world.run(taintEvictionController);
  });

  afterEach(() => world[Symbol.asyncDispose]());

  const taint = (...taints: readonly Taint[]) => world.client.resource(Node).patch({ name: 'n' }, 'merge', { spec: { taints } });
  const addPod = (name: string, tolerations: Toleration[] = []) =>
    world.client.resource(Pod).create(makePod(name, { tolerations }));
  const isGoing = async (name: string) =>
    (await world.client.resource(Pod).get({ name, namespace: 'default' })).metadata?.deletionTimestamp !== undefined;
  const going = (name: string) => eventually(() => isGoing(name));

  it('evicts at once what does not tolerate the taint, and says so', async () => {
    await addPod('p');
    await addPod('tolerant', [{ key: 'a', operator: 'Exists' }]);

    await taint(TAINT);

    await going('p');
    expect(await isGoing('tolerant')).toBe(false);
    const told = await eventually(async () => (await world.client.resource(Event).list()).items[0]);
    expect(told).toMatchObject({ reason: 'TaintManagerEviction', message: 'Marking for deletion Pod default/p', type: 'Normal' });
  });

  it('evicts what comes to a node that is tainted already', async () => {
    await taint(TAINT);

    await addPod('p');

    await going('p');
  });

  it('waits as long as the pod tolerates it', async () => {
    await addPod('p', [{ key: 'a', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 60 }]);
    await taint({ ...TAINT, timeAdded: new Date(clock.now()).toISOString() });
    await turns();

    await clock.advance(59_000);
    await turns();
    const before = await isGoing('p');
    await clock.advance(2_000);

    expect(before).toBe(false);
    await going('p');
  });

  it('does not begin to count anew when it is started again', async () => {
    await addPod('p', [{ key: 'a', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 60 }]);
    await taint({ ...TAINT, timeAdded: new Date(clock.now()).toISOString() });
    await turns();
    await world.stopControllers();
    await clock.advance(61_000);

    await world.run(taintEvictionController);

    await going('p');
  });

  it('pardons a pod when the taint goes in time', async () => {
    await addPod('p', [{ key: 'a', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 60 }]);
    await taint({ ...TAINT, timeAdded: new Date(clock.now()).toISOString() });
    await turns();

    await taint();
    await turns();
    await clock.advance(120_000);
    await turns();

    expect(await isGoing('p')).toBe(false);
    expect(world.writes).toEqual([]);
  });

  it('deletes a pod once, however often things change', async () => {
    await addPod('p');
    await taint(TAINT);
    await going('p');

    await taint(TAINT, { ...TAINT, key: 'b' });
    await turns();

    expect(world.writes.filter((write) => write.startsWith('DELETE'))).toHaveLength(1);
  });
});
