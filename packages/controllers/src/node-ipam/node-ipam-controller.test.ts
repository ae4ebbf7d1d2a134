import { Event, Node } from '@keelson/api/core/v1';
import { KeelsonError } from '@keelson/base';
import { eventually, ManualClock } from '@keelson/base/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startWorld, turns, type World } from '../testing/world.ts';
import { nodeIpamController } from './node-ipam-controller.ts';

const SMALL = { clusterCidr: '10.244.0.0/22' };

describe('node-ipam-controller', () => {
  let world: World;
  let clock: ManualClock;

  beforeEach(async () => {
    clock = new ManualClock();
    world = await startWorld({ clock });
  });

  afterEach(() => world[Symbol.asyncDispose]());

  const nodes = () => world.client.resource(Node);
  const add = (name: string, podCIDR?: string) =>
    nodes().create({ metadata: { name }, ...(podCIDR !== undefined && { spec: { podCIDR, podCIDRs: [podCIDR] } }) });
  const cidrOf = async (name: string) => (await nodes().find({ name }))?.spec?.podCIDR;
  const given = (name: string) => eventually(() => cidrOf(name));

  it('gives each node a network of its own, and of each family', async () => {
    await world.run(nodeIpamController({ clusterCidr: '10.244.0.0/16,fd00:10:244::/56' }));
    await Promise.all(['a', 'b', 'c'].map((name) => add(name)));

    const cidrs = await Promise.all(['a', 'b', 'c'].map(given));

    expect(cidrs.toSorted()).toEqual(['10.244.0.0/24', '10.244.1.0/24', '10.244.2.0/24']);
    expect((await nodes().get({ name: 'a' })).spec?.podCIDRs).toHaveLength(2);
    expect((await nodes().get({ name: 'a' })).spec?.podCIDRs?.[1]).toMatch(/^fd00:10:244:.*\/64$/);
  });

  it('leaves nodes their own networks, and keeps off those and what is reserved', async () => {
    await add('own', '10.244.0.0/24');
    await add('elsewhere', '192.168.0.0/24');
    await world.run(nodeIpamController({ ...SMALL, reserved: ['10.244.1.0/24'] }));
    await add('new');

    expect(await given('new')).toBe('10.244.2.0/24');
    expect([await cidrOf('own'), await cidrOf('elsewhere')]).toEqual(['10.244.0.0/24', '192.168.0.0/24']);
    expect(world.writes).toHaveLength(1);
  });

  it('gives no network twice after it was started anew', async () => {
    await world.run(nodeIpamController(SMALL));
    await add('a');
    await given('a');
    await world.stopControllers();
    await add('b');

    await world.run(nodeIpamController(SMALL));

    expect([await cidrOf('a'), await given('b')]).toEqual(['10.244.0.0/24', '10.244.1.0/24']);
  });

  it('keeps what it chose for a node whose answer was lost, done or not', async () => {
    await world.run(nodeIpamController(SMALL));
    world.failure = ({ method, path }) =>
      method === 'PATCH' && path.endsWith('/nodes/a') ? new KeelsonError('Timeout', 'lost') : undefined;
    await add('a');
    await eventually(() => world.writes.length > 0);
    await add('b');
    expect(await given('b')).toBe('10.244.1.0/24');
    world.failure = () => undefined;

    expect(
      await eventually(async () => {
        await clock.advance(1_000);
        return cidrOf('a');
      }),
    ).toBe('10.244.0.0/24');
  });

  it('says that there is none left, and gives what a node that went leaves behind', async () => {
    await world.run(nodeIpamController({ clusterCidr: '10.244.0.0/24' }));
    await add('a');
    await given('a');
    await add('b');
    const events = await eventually(async () => {
      const { items } = await world.client.resource(Event).list();
      return items.length > 0 && items;
    });
    expect(events[0]).toMatchObject({ reason: 'CIDRNotAvailable', message: 'Node b status is now: CIDRNotAvailable' });

    await nodes().delete({ name: 'a' });
    await turns();
    await clock.advance(30_000);

    expect(await given('b')).toBe('10.244.0.0/24');
  });

  it('gives a node that comes again under its name a network', async () => {
    await world.run(nodeIpamController(SMALL));
    await add('a');
    await given('a');
    await nodes().delete({ name: 'a' });
    await add('a');

    expect(await given('a')).toMatch(/^10\.244\.\d\.0\/24$/);
  });

  it('refuses a range that it cannot cut', async () => {
    await expect(world.run(nodeIpamController({ clusterCidr: '10.0.0.0/7' }))).rejects.toThrow('Cannot give out blocks');
  });
});
