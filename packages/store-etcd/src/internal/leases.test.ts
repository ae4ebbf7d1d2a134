import { ManualClock } from '@keelson/base/testing';
import { describe, expect, it } from 'vitest';
import { Leases } from './leases.ts';

function setUp() {
  const clock = new ManualClock();
  const granted: number[] = [];
  const grant = async (ttlSeconds: number): Promise<bigint> => BigInt(granted.push(ttlSeconds));
  return { clock, granted, leases: new Leases({ clock, grant }) };
}

describe('Leases', () => {
  it('lets keys of the same time share one for a few seconds, which lasts as much longer', async () => {
    const { clock, granted, leases } = setUp();

    const first = await leases.lease(3600);
    await clock.advance(4_000);
    const soon = await leases.lease(3600);
    await clock.advance(1_000);
    const later = await leases.lease(3600);

    expect([first, soon, later]).toEqual([1n, 1n, 2n]);
    expect(granted).toEqual([3605, 3605]);
  });

  it.each([
    { ttl: 0.5, lease: 2 },
    { ttl: 2, lease: 3 },
    { ttl: 40, lease: 42 },
    { ttl: 86_400, lease: 86_405 },
  ])('serves keys for $ttl s by one of $lease s', async ({ ttl, lease }) => {
    const { granted, leases } = setUp();

    await leases.lease(ttl);

    expect(granted).toEqual([lease]);
  });

  it('gives different times different leases, and no lease more than a thousand keys', async () => {
    const { granted, leases } = setUp();

    for (let i = 0; i < 1001; i++) await leases.lease(60);
    await leases.lease(61);

    expect(granted).toEqual([63, 63, 65]);
  });

  it('asks again after a lease was refused, and after one was not there', async () => {
    const clock = new ManualClock();
    let asked = 0;
    const grant = async (): Promise<bigint> => {
      asked += 1;
      if (asked === 1) throw new Error('no leader');
      return BigInt(asked);
    };
    const leases = new Leases({ clock, grant });

    await expect(leases.lease(60)).rejects.toThrow('no leader');
    const second = await leases.lease(60);
    leases.forget();

    expect([second, await leases.lease(60)]).toEqual([2n, 3n]);
  });
});
