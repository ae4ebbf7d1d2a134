import { formatTime, nameOf } from '@keelson/api';
import { CronJob, Job } from '@keelson/api/batch/v1';
import { describe, expect, it } from 'vitest';
import { finishedStatus, jobOf } from '../job/testing/job-world.ts';
import { randomFrom } from '../pod-control/testing/random.ts';
import { Troubles } from '../pod-control/testing/troubles.ts';
import { WorkloadWorld } from '../pod-control/testing/workload-world.ts';
import { cronJobController } from './cron-job-controller.ts';

const ACTIONS = ['finish', 'delete job', 'suspend', 'wait', 'hold', 'release', 'restart', 'refuse'] as const;
const MINUTE_MS = 60_000;

async function jobsOf(world: WorkloadWorld): Promise<readonly Job[]> {
  return (await world.client.resource(Job).list({ namespace: 'default' })).items;
}

/** Jobs end and are deleted, time passes, writes are refused and caches lag, in any order. */
async function live(world: WorkloadWorld, random: () => number, troubles: Troubles): Promise<void> {
  const running = (await jobsOf(world)).filter(({ status }) => status?.conditions === undefined);
  const name = nameOf(troubles.pick(running) ?? {});
  const action = troubles.pick(ACTIONS);
  switch (action) {
    case undefined:
      break;
    case 'finish': {
      const status = finishedStatus(random() < 0.5 ? 'Complete' : 'Failed', world.clock.now());
      if (name !== '') await world.client.resource(Job).patchStatus({ name, namespace: 'default' }, 'merge', { status });
      break;
    }
    case 'delete job':
      if (name !== '')
        await world.client.resource(Job).delete({ name, namespace: 'default' }, { propagationPolicy: 'Background' });
      break;
    case 'suspend':
      await world.patch(CronJob, 'tick', { spec: { suspend: random() < 0.3 } });
      break;
    default:
      await troubles.make(action);
  }
  await world.clock.advance(Math.floor(random() * MINUTE_MS));
  await world.settle();
}

describe('cronJobController, whatever happens', () => {
  it.each([
    { seed: 1, concurrencyPolicy: 'Allow' },
    { seed: 2, concurrencyPolicy: 'Forbid' },
    { seed: 3, concurrencyPolicy: 'Replace' },
    { seed: 4, concurrencyPolicy: 'Forbid' },
  ])(
    'starts no run twice, none beside another that may not be, and arrives ($concurrencyPolicy, seed $seed)',
    async (options) => {
      await using world = await WorkloadWorld.start(cronJobController);
      const random = randomFrom(options.seed);
      const troubles = new Troubles(world, random, 'jobs', 'cronjobs');
      const { concurrencyPolicy } = options;
      const spec = {
        schedule: '*/2 * * * *',
        timeZone: 'UTC',
        concurrencyPolicy,
        jobTemplate: { spec: jobOf().spec },
        failedJobsHistoryLimit: 2,
      };
      await world.create(CronJob, { metadata: { name: 'tick' }, spec });
      const beside: number[] = [];
      const runs = new Map<string, Set<string>>();
      for (let turn = 0; turn < 100; turn += 1) {
        await live(world, random, troubles);
        const jobs = await jobsOf(world);
        beside.push(jobs.filter(({ status }) => status?.conditions === undefined).length);
        for (const { metadata } of jobs) {
          const uids = runs.get(metadata?.name ?? '') ?? new Set();
          runs.set(metadata?.name ?? '', uids.add(metadata?.uid ?? ''));
        }
      }
      troubles.over();
      await world.patch(CronJob, 'tick', { spec: { suspend: false } });
      for (let turn = 0; turn < 6; turn += 1) {
        await world.clock.advance(2 * MINUTE_MS);
        await world.settle();
      }
      await world.patch(CronJob, 'tick', { spec: { suspend: true } });
      for (const job of await jobsOf(world)) {
        const status = finishedStatus('Complete', world.clock.now());
        if (job.status?.conditions === undefined)
          await world.client.resource(Job).patchStatus({ name: nameOf(job), namespace: 'default' }, 'merge', { status });
      }
      await world.clock.advance(5 * MINUTE_MS);
      await world.settle();
      const before = world.world.writes.length;
      await world.clock.advance(60 * MINUTE_MS);
      await world.settle();
      const { status } = await world.get(CronJob, 'tick');
      const finished = await jobsOf(world);

      expect(Math.max(...beside)).toBeLessThanOrEqual(concurrencyPolicy === 'Allow' ? 100 : 1);
      expect([...runs.values()].filter((uids) => uids.size > 1)).toEqual([]);
      expect(status?.active).toBeUndefined();
      expect(status?.lastScheduleTime).toMatch(/^2026-01-01T\d\d:\d[02468]:00Z$/);
      expect(status?.lastSuccessfulTime && status.lastSuccessfulTime <= formatTime(world.clock.now())).toBe(true);
      expect(finished.length).toBeLessThanOrEqual(5);
      expect(world.world.writes.slice(before)).toEqual([]);
    },
  );
});
