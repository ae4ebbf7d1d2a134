import { Lease } from '@keelson/api/coordination/v1';
import { KeelsonError, silentLogger } from '@keelson/base';
import { ManualClock } from '@keelson/base/testing';
import { createClient } from '@keelson/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LeaderElector } from './leader-election.ts';
import { MemoryApi } from './testing/memory-api.ts';

const WHERE = { name: 'lock', namespace: 'kube-system' };

describe('LeaderElector', () => {
  let api: MemoryApi;
  let clock: ManualClock;
  let log: string[];
  let candidates: LeaderElector[];

  beforeEach(() => {
    [api, clock, log, candidates] = [new MemoryApi(), new ManualClock(), [], []];
  });

  afterEach(async () => {
    api.intercept = () => undefined;
    await Promise.all(candidates.map((candidate) => candidate.stop()));
    expect(clock.pending).toBe(0);
  });

  async function candidate(identity: string, time = clock): Promise<LeaderElector> {
    const elector = new LeaderElector(
      { client: createClient(api), clock: time, logger: silentLogger, random: () => 0 },
      {
        leaseName: WHERE.name,
        namespace: WHERE.namespace,
        identity,
        onStartedLeading: () => void log.push(`${identity} leads`),
        onStoppedLeading: () => void log.push(`${identity} stops`),
      },
    );
    candidates.push(elector);
    await elector.start(new AbortController().signal);
    await clock.advance(0);
    return elector;
  }
  const lease = () => createClient(api).resource(Lease).get(WHERE);

  it('makes the first candidate the leader, who renews', async () => {
    const one = await candidate('one');
    const taken = await lease();
    await clock.advance(60_000);
    const renewed = await lease();

    expect([log, one.isLeader]).toEqual([['one leads'], true]);
    expect(taken.spec).toMatchObject({ holderIdentity: 'one', leaseDurationSeconds: 15, leaseTransitions: 0 });
    expect(renewed.spec?.acquireTime).toBe(taken.spec?.acquireTime);
    expect(renewed.spec?.renewTime).not.toBe(taken.spec?.renewTime);
  });

  it('keeps the second candidate waiting while the first renews', async () => {
    await candidate('one');
    const two = await candidate('two');
    const leaders: (string | undefined)[] = [];
    two.leader$.subscribe((leader) => leaders.push(leader));
    await clock.advance(120_000);

    expect([log, two.isLeader, leaders]).toEqual([['one leads'], false, ['one']]);
  });

  it('hands over at once when the leader stops, after its work has ended', async () => {
    const one = await candidate('one');
    const two = await candidate('two');
    await one.stop();
    log.push('one is gone');
    await clock.advance(4_000);

    expect(log).toEqual(['one leads', 'one stops', 'one is gone', 'two leads']);
    expect([two.isLeader, (await lease()).spec?.leaseTransitions]).toEqual([true, 1]);
  });

  it('steps down when it cannot renew, before another may take over', async () => {
    await candidate('one');
    const two = await candidate('two');
    api.intercept = ({ body }) => {
      const holder = (body as Lease | undefined)?.spec?.holderIdentity;
      if (holder === 'one' || holder === '') throw new KeelsonError('ServiceUnavailable', 'cut off');
    };
    await clock.advance(9_000);
    expect(log).toEqual(['one leads']);
    await clock.advance(3_000);
    expect([log, two.isLeader]).toEqual([['one leads', 'one stops'], false]);
    await clock.advance(10_000);

    expect(log).toEqual(['one leads', 'one stops', 'two leads']);
  });

  it('steps down after a pause, without touching the lease that another holds by then', async () => {
    const paused = new ManualClock();
    const one = await candidate('one', paused);
    await candidate('two');
    await clock.advance(30_000); // Nothing of `one` runs meanwhile.
    expect(log).toEqual(['one leads', 'two leads']);
    await paused.advance(30_000);

    expect(log).toEqual(['one leads', 'two leads', 'one stops']);
    expect(one.isLeader).toBe(false);
    expect((await lease()).spec).toMatchObject({ holderIdentity: 'two', leaseTransitions: 1 });
  });

  it('does not count as the leader once its time is up, even before it notices', async () => {
    const frozen = new FrozenTimers();
    const one = await candidate('one', frozen);
    frozen.passedMs = 15_000;

    expect([log, one.isLeader]).toEqual([['one leads'], false]);
    frozen.passedMs = 0;
  });

  it('steps down when a renewal hangs', async () => {
    await candidate('one');
    const never = new Promise<void>(() => undefined);
    api.intercept = () => never;
    await clock.advance(15_000);

    expect(log).toEqual(['one leads', 'one stops']);
  });

  it('believes its own clock, not the times in the lease', async () => {
    await createClient(api)
      .resource(Lease)
      .create({
        metadata: { ...WHERE },
        spec: { holderIdentity: 'ghost', leaseDurationSeconds: 15, renewTime: '2001-01-01T00:00:00.000000Z' },
      });
    await candidate('one');
    await clock.advance(14_000);
    expect(log).toEqual([]);
    await clock.advance(4_000);

    expect(log).toEqual(['one leads']);
  });

  it('lets at most one of three lead at any time, whatever stops', async () => {
    const all = [await candidate('a'), await candidate('b'), await candidate('c')];
    for (const elector of all) {
      for (let second = 0; second < 20; second += 1) {
        await clock.advance(1_000);
        expect(all.filter(({ isLeader }) => isLeader).length).toBeLessThanOrEqual(1);
      }
      await elector.stop();
    }

    expect(log).toEqual(['a leads', 'a stops', 'b leads', 'b stops', 'c leads', 'c stops']);
  });

  it('refuses times that cannot work', () => {
    const options = {
      leaseName: 'x',
      namespace: 'y',
      identity: 'z',
      onStartedLeading: () => undefined,
      onStoppedLeading: () => undefined,
    };
    const make = (): LeaderElector =>
      new LeaderElector({ client: createClient(api), clock, logger: silentLogger }, { ...options, leaseDurationMs: 5_000 });

    expect(make).toThrow('lease duration > renew deadline');
  });
});

/** Time goes on, but no timer fires: a process whose event loop stands still. */
class FrozenTimers extends ManualClock {
  passedMs = 0;

  override monotonic(): number {
    return super.monotonic() + this.passedMs;
  }
}
