import { findCondition } from '@keelson/api';
import { Service } from '@keelson/api/core/v1';
import { ServiceCIDR } from '@keelson/api/networking/v1';
import { eventually, ManualClock } from '@keelson/base/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startWorld, turns, type World } from '../testing/world.ts';
import { covers } from './networks.ts';
import { serviceCidrController } from './service-cidr-controller.ts';

const WHERE = { name: 'more' };

describe('service-cidr-controller', () => {
  let world: World;
  let clock: ManualClock;

  beforeEach(async () => {
    clock = new ManualClock();
    world = await startWorld({ clock });
    await world.run(serviceCidrController);
  });

  afterEach(() => world[Symbol.asyncDispose]());

  const ranges = () => world.client.resource(ServiceCIDR);
  const make = (name: string, ...cidrs: string[]) => ranges().create({ metadata: { name }, spec: { cidrs } });
  const ready = async () => findCondition((await ranges().get(WHERE)).status?.conditions, 'Ready');
  const isGone = async () => (await ranges().find(WHERE)) === undefined;
  const serviceAt = (clusterIP: string) =>
    world.client
      .resource(Service)
      .create({ metadata: { name: 's', namespace: 'default' }, spec: { clusterIP, ports: [{ port: 80 }] } });
  const deleteService = () => world.client.resource(Service).delete({ name: 's', namespace: 'default' });
  const whenKept = () => eventually(async () => (await ready())?.status === 'False');

  it('says of a range that it is ready, once, and Services get addresses of it', async () => {
    await make('more', '192.168.0.0/24');
    await eventually(async () => (await ready())?.status === 'True');
    await turns();

    expect((await ranges().get(WHERE)).metadata?.finalizers).toEqual(['networking.k8s.io/service-cidr-finalizer']);
    expect((await serviceAt('192.168.0.7')).spec?.clusterIP).toBe('192.168.0.7');
    expect(world.writes).toHaveLength(2);
  });

  it('lets a range go that no Service has an address of, ten seconds after its deletion', async () => {
    await make('more', '192.168.0.0/24');
    await eventually(ready);
    await ranges().delete(WHERE);
    await clock.advance(9_000);
    await turns();
    const early = await isGone();

    await clock.advance(2_000);
    await eventually(isGone);

    expect(early).toBe(false);
  });

  it('keeps a range until the last address of it is given back', async () => {
    await make('more', '192.168.0.0/24');
    await eventually(ready);
    await serviceAt('192.168.0.7');
    await ranges().delete(WHERE);
    await whenKept();
    await clock.advance(60_000);
    await turns();
    expect(await isGone()).toBe(false);
    expect(await ready()).toMatchObject({ reason: 'Terminating', message: expect.stringContaining('still IPAddresses') });

    await deleteService();

    await eventually(isGone);
  });

  it.each(['192.168.0.0/24', '192.168.0.0/16', '192.168.0.4/30'])(
    'lets a range go when %s has its addresses too',
    async (cidr) => {
      await make('more', '192.168.0.0/24');
      await eventually(ready);
      await serviceAt('192.168.0.7');
      await ranges().delete(WHERE);
      await whenKept();
      await clock.advance(60_000);

      await make('other', cidr);

      await eventually(isGone);
    },
  );
});

describe('covers', () => {
  it.each([
    ['10.0.0.0/8', '10.1.2.3', true],
    ['10.0.0.0/8', '10.1.0.0/16', true],
    ['10.1.0.0/16', '10.0.0.0/8', false],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['0.0.0.0/0', '::1', false],
    ['2001:db8::/64', '2001:db8::7', true],
    ['2001:db8::/64', '2001:db8:0:1::7', false],
  ])('%s and %s: %s', (outer, inner, answer) => {
    expect(covers(outer, inner)).toBe(answer);
  });
});
