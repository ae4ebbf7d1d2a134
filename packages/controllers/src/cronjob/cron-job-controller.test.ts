import { controllerOf, formatTime, nameOf, uidOf } from '@keelson/api';
import { CronJob, Job, type CronJobSpec } from '@keelson/api/batch/v1';
import { KeelsonError } from '@keelson/base';
import { ManualClock } from '@keelson/base/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { finishedStatus } from '../job/testing/job-world.ts';
import { templateOf, WorkloadWorld } from '../pod-control/testing/workload-world.ts';
import { cronJobController } from './cron-job-controller.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const START_MS = Date.UTC(2026, 0, 1);

function cronJobOf(spec: Partial<CronJobSpec> = {}): CronJob {
  const { containers } = templateOf('c').spec ?? { containers: [] };
  const jobTemplate = {
    metadata: { labels: { app: 'report' }, annotations: { note: 'kept' } },
    spec: { template: { spec: { containers, restartPolicy: 'Never' } } },
  };
  return { metadata: { name: 'report' }, spec: { schedule: '0 * * * *', timeZone: 'UTC', jobTemplate, ...spec } };
}

describe('cronJobController', () => {
  let world: WorkloadWorld;

  beforeEach(async () => {
    world = await WorkloadWorld.start(cronJobController);
  });

  afterEach(() => world[Symbol.asyncDispose]());

  async function create(spec: Partial<CronJobSpec> = {}): Promise<CronJob> {
    const cronJob = await world.create(CronJob, cronJobOf(spec));
    await world.settle();
    return cronJob;
  }

  async function wait(ms: number): Promise<void> {
    await world.clock.advance(ms);
    await world.settle();
    await world.clock.advance(200);
    await world.settle();
  }

  async function jobs(): Promise<readonly Job[]> {
    return (await world.client.resource(Job).list({ namespace: 'default' })).items;
  }

  async function names(): Promise<readonly string[]> {
    return (await jobs()).map(nameOf).toSorted();
  }

  async function finish(name: string, type: 'Complete' | 'Failed'): Promise<void> {
    const status = finishedStatus(type, world.clock.now());
    await world.client.resource(Job).patchStatus({ name, namespace: 'default' }, 'merge', { status });
    await world.settle();
  }

  const status = async (): Promise<CronJob['status']> => (await world.get(CronJob, 'report')).status;
  const nameAt = (ms: number): string => `report-${ms / MINUTE_MS}`;

  it('starts a Job when it is due, named after that time', async () => {
    const cronJob = await create();
    await wait(HOUR_MS - 1000);
    const early = await names();
    await wait(1000);
    const [job] = await jobs();

    expect(early).toEqual([]);
    expect(nameOf(job ?? {})).toBe(nameAt(START_MS + HOUR_MS));
    expect(job?.metadata).toMatchObject({
      labels: { app: 'report' },
      annotations: { note: 'kept', 'batch.kubernetes.io/cronjob-scheduled-timestamp': '2026-01-01T01:00:00Z' },
    });
    expect(controllerOf(job ?? {})?.uid).toBe(uidOf(cronJob));
    expect(await status()).toMatchObject({
      active: [{ apiVersion: 'batch/v1', kind: 'Job', name: nameOf(job ?? {}), namespace: 'default', uid: uidOf(job ?? {}) }],
      lastScheduleTime: '2026-01-01T01:00:00Z',
    });
    expect(await world.messages('SuccessfulCreate')).toEqual([`Created job ${nameOf(job ?? {})}`]);
  });

  it('notes what has ended, and when it last succeeded', async () => {
    await create();
    await wait(HOUR_MS);
    const [name = ''] = await names();
    await finish(name, 'Complete');

    expect(await status()).toMatchObject({ lastSuccessfulTime: formatTime(world.clock.now()) });
    expect((await status())?.active).toBeUndefined();
    expect(await world.messages('SawCompletedJob')).toEqual([`Saw completed job: ${name}, condition: Complete`]);
  });

  it.each([
    { concurrencyPolicy: 'Allow', left: [1, 2], told: 'SuccessfulCreate', times: 2 },
    { concurrencyPolicy: 'Forbid', left: [1], told: 'JobAlreadyActive', times: 1 },
    { concurrencyPolicy: 'Replace', left: [2], told: 'SuccessfulDelete', times: 1 },
  ])(
    'with the policy $concurrencyPolicy has the runs $left after two hours',
    async ({ concurrencyPolicy, left, told, times }) => {
      await create({ concurrencyPolicy });
      await wait(HOUR_MS);
      await wait(HOUR_MS);

      expect(await names()).toEqual(left.map((hour) => nameAt(START_MS + hour * HOUR_MS)));
      expect((await status())?.active?.map(({ name }) => name)).toEqual(await names());
      expect(await world.messages(told)).toHaveLength(times);
    },
  );

  it('starts late what had to wait for another one', async () => {
    await create({ concurrencyPolicy: 'Forbid' });
    await wait(HOUR_MS);
    await wait(HOUR_MS + 10 * MINUTE_MS);
    await finish(nameAt(START_MS + HOUR_MS), 'Complete');
    await wait(0);

    expect(await names()).toContain(nameAt(START_MS + 2 * HOUR_MS));
  });

  it('starts only the latest of the runs that were missed', async () => {
    await create();
    await wait(HOUR_MS);
    await world.world.stopControllers();
    await world.clock.advance(10 * HOUR_MS);
    await world.restart();
    await wait(0);

    expect(await names()).toEqual([1, 11].map((hour) => nameAt(START_MS + hour * HOUR_MS)).toSorted());
  });

  it('warns when it has missed more than a hundred, and goes on', async () => {
    await create({ schedule: '* * * * *' });
    await world.world.stopControllers();
    await world.clock.advance(102 * MINUTE_MS);
    await world.restart();
    await wait(0);

    expect(await names()).toEqual([nameAt(START_MS + 102 * MINUTE_MS)]);
    expect(await world.messages('TooManyMissedTimes')).toEqual([
      'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew',
    ]);
  });

  it('does not start what is too late', async () => {
    await create({ startingDeadlineSeconds: 60 });
    await world.world.stopControllers();
    await world.clock.advance(HOUR_MS + 10 * MINUTE_MS);
    await world.restart();
    await wait(0);
    const early = await names();
    await wait(50 * MINUTE_MS);

    expect(early).toEqual([]);
    expect(await names()).toEqual([nameAt(START_MS + 2 * HOUR_MS)]);
  });

  it('starts nothing while it is suspended', async () => {
    await create({ suspend: true });
    await wait(3 * HOUR_MS);
    const early = await names();
    await world.patch(CronJob, 'report', { spec: { suspend: false } });
    await wait(0);

    expect(early).toEqual([]);
    expect(await names()).toEqual([nameAt(START_MS + 3 * HOUR_MS)]);
  });

  it('minds a new schedule at once', async () => {
    await create({ schedule: '0 0 1 1 *' });
    await world.patch(CronJob, 'report', { spec: { schedule: '*/5 * * * *' } });
    await wait(5 * MINUTE_MS);

    expect(await names()).toEqual([nameAt(START_MS + 5 * MINUTE_MS)]);
  });

  it('goes by the clocks of its time zone, and leaves out what they leave out', async () => {
    await world[Symbol.asyncDispose]();
    world = await WorkloadWorld.startWith(new ManualClock(Date.UTC(2026, 2, 6, 12)), cronJobController);
    await create({ schedule: '30 2 * * *', timeZone: 'America/New_York', concurrencyPolicy: 'Replace' });
    await wait(Date.UTC(2026, 2, 7, 7, 30) - world.clock.now());
    const [before] = await jobs();
    await wait(Date.UTC(2026, 2, 9, 6, 29) - world.clock.now());
    const between = await names();
    await wait(MINUTE_MS);
    const [after] = await jobs();
    const timeOf = (job: Job | undefined): string | undefined =>
      job?.metadata?.annotations?.['batch.kubernetes.io/cronjob-scheduled-timestamp'];

    expect(timeOf(before)).toBe('2026-03-07T02:30:00-05:00');
    expect(between).toEqual([nameOf(before ?? {})]);
    expect(timeOf(after)).toBe('2026-03-09T02:30:00-04:00');
  });

  it('keeps as many finished Jobs of each kind as it should', async () => {
    await create({ successfulJobsHistoryLimit: 2, failedJobsHistoryLimit: 1 });
    for (let hour = 1; hour <= 6; hour += 1) {
      await wait(HOUR_MS);
      await finish(nameAt(START_MS + hour * HOUR_MS), hour % 2 === 0 ? 'Complete' : 'Failed');
    }
    await wait(0);

    expect(await names()).toEqual([4, 5, 6].map((hour) => nameAt(START_MS + hour * HOUR_MS)));
  });

  it('starts a run once if it is killed before that is noted', async () => {
    await create();
    world.transport.intercept = ({ path }) => {
      if (path.endsWith('/cronjobs/report/status')) throw new KeelsonError('ServiceUnavailable', 'down');
    };
    await wait(HOUR_MS);
    world.transport.intercept = () => undefined;
    await world.restart();
    await wait(0);

    expect(await names()).toEqual([nameAt(START_MS + HOUR_MS)]);
    expect((await status())?.active).toHaveLength(1);
    expect((await status())?.lastScheduleTime).toBe('2026-01-01T01:00:00Z');
  });

  it('does not take a Job of somebody else that has the name for its own', async () => {
    await create();
    await world.create(Job, { metadata: { name: nameAt(START_MS + HOUR_MS) }, ...specOfJob() });
    await wait(HOUR_MS);

    expect((await status())?.active).toBeUndefined();
    expect(await jobs()).toHaveLength(1);
  });

  it('starts none beside another one, if it may not, while its cache lacks what it has written', async () => {
    await create({ schedule: '* * * * *', concurrencyPolicy: 'Forbid' });
    world.transport.hold('cronjobs');
    await wait(MINUTE_MS);
    await wait(MINUTE_MS);
    await wait(MINUTE_MS);

    expect(await names()).toHaveLength(1);
  });

  it('drops what is gone from its list', async () => {
    await create({ concurrencyPolicy: 'Forbid' });
    await wait(HOUR_MS);
    const [name = ''] = await names();
    await world.client.resource(Job).delete({ name, namespace: 'default' }, { propagationPolicy: 'Background' });
    await wait(0);

    expect((await status())?.active).toBeUndefined();
    expect(await world.messages('MissingJob')).toEqual([`Active job went missing: ${name}`]);
  });

  it('says so if there is never a time, and comes back only when it is changed', async () => {
    await create({ schedule: '59 23 31 2 *' });
    await wait(0);

    expect(await world.messages('InvalidSchedule')).toEqual(['invalid schedule: 59 23 31 2 * : it never has a time']);
  });

  it('writes nothing when there is nothing to do', async () => {
    await create({ schedule: '0 0 1 1 *' });
    const before = world.world.writes.length;
    await wait(100 * HOUR_MS);

    expect(world.world.writes.slice(before)).toEqual([]);
  });
});

function specOfJob(): Pick<Job, 'spec'> {
  const { spec } = cronJobOf().spec?.jobTemplate ?? {};
  return spec ? { spec } : {};
}
