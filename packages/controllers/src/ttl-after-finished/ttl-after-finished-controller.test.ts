import { uidOf } from '@keelson/api';
import { Job } from '@keelson/api/batch/v1';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { finishedStatus, jobOf } from '../job/testing/job-world.ts';
import { WorkloadWorld } from '../pod-control/testing/workload-world.ts';
import { ttlAfterFinishedController } from './ttl-after-finished-controller.ts';

const WHERE = { name: 'work', namespace: 'default' };

describe('ttlAfterFinishedController', () => {
  let world: WorkloadWorld;

  beforeEach(async () => {
    world = await WorkloadWorld.start(ttlAfterFinishedController);
  });

  afterEach(() => world[Symbol.asyncDispose]());

  async function finish(type: 'Complete' | 'Failed'): Promise<void> {
    const status = finishedStatus(type, world.clock.now());
    await world.client.resource(Job).patchStatus(WHERE, 'merge', { status });
  }

  /** Whether it is there, or not yet being deleted. */
  async function isThere(): Promise<boolean> {
    await world.settle();
    const job = await world.client.resource(Job).find(WHERE);
    return job !== undefined && job.metadata?.deletionTimestamp === undefined;
  }

  it.each(['Complete', 'Failed'] as const)('deletes a Job when its time after it was %s is over', async (type) => {
    await world.create(Job, jobOf({ ttlSecondsAfterFinished: 60 }));
    await world.clock.advance(600_000);
    await finish(type);
    await world.clock.advance(59_000);
    const early = await isThere();
    await world.clock.advance(1_000);

    expect([early, await isThere()]).toEqual([true, false]);
    expect((await world.get(Job, 'work')).metadata?.finalizers).toContain('foregroundDeletion');
  });

  it('deletes at once what has no time left', async () => {
    await world.create(Job, jobOf({ ttlSecondsAfterFinished: 0 }));
    await finish('Complete');

    expect(await isThere()).toBe(false);
  });

  it('keeps a Job that has no such time, or has not ended', async () => {
    await world.create(Job, jobOf());
    await finish('Complete');
    await world.create(Job, jobOf({ ttlSecondsAfterFinished: 1 }, 'running'));
    await world.clock.advance(3_600_000);

    expect(await isThere()).toBe(true);
    expect((await world.get(Job, 'running')).metadata?.deletionTimestamp).toBeUndefined();
  });

  it('minds a time that was made longer, even if its cache does not show that', async () => {
    await world.create(Job, jobOf({ ttlSecondsAfterFinished: 60 }));
    await finish('Complete');
    await world.settle();
    world.transport.hold('jobs');
    await world.patch(Job, 'work', { spec: { ttlSecondsAfterFinished: 600 } });
    await world.clock.advance(300_000);
    const early = await isThere();
    await world.clock.advance(300_000);

    expect([early, await isThere()]).toEqual([true, false]);
  });

  it('does not delete another Job that has the name now', async () => {
    await world.create(Job, jobOf({ ttlSecondsAfterFinished: 60 }));
    await finish('Complete');
    await world.settle();
    world.transport.hold('jobs');
    await world.client.resource(Job).delete(WHERE, { propagationPolicy: 'Background' });
    const next = await world.create(Job, jobOf());
    await world.clock.advance(60_000);

    expect(await isThere()).toBe(true);
    expect(uidOf(await world.get(Job, 'work'))).toBe(uidOf(next));
  });
});
