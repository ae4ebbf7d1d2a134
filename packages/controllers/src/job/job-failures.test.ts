import { nameOf } from '@keelson/api';
import type { JobSpec } from '@keelson/api/batch/v1';
import { Pod } from '@keelson/api/core/v1';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { JobWorld } from './testing/job-world.ts';

const INDEXED = { completions: 3, parallelism: 3, completionMode: 'Indexed' };

describe('jobController when pods fail', () => {
  let jobs: JobWorld;

  beforeEach(async () => {
    jobs = await JobWorld.start();
  });

  afterEach(() => jobs[Symbol.asyncDispose]());

  it('waits 10 s, 20 s, 40 s before it tries again, until there were too many failures', async () => {
    await jobs.create({ backoffLimit: 3 });
    const tries: string[] = [];
    for (const seconds of [10, 20, 40]) {
      await jobs.fail(await jobs.active());
      await jobs.wait(seconds - 2);
      const early = await jobs.active();
      await jobs.wait(2);
      tries.push(`${early.length} then ${(await jobs.active()).length}`);
    }
    await jobs.fail(await jobs.active());

    expect(tries).toEqual(['0 then 1', '0 then 1', '0 then 1']);
    expect((await jobs.job).status).toMatchObject({ failed: 4, terminating: 0 });
    expect(await jobs.conditions()).toEqual(['FailureTarget=True BackoffLimitExceeded', 'Failed=True BackoffLimitExceeded']);
    expect(await jobs.world.messages('BackoffLimitExceeded')).toEqual(['Job has reached the specified backoff limit']);
  });

  it('remembers failed pods that someone has deleted', async () => {
    await jobs.create({ backoffLimit: 5 });
    for (const seconds of [10, 20]) {
      const failed = await jobs.active();
      await jobs.fail(failed);
      await jobs.world.end(failed);
      await jobs.wait(seconds);
    }
    await jobs.fail(await jobs.active());
    await jobs.wait(39);

    expect(await jobs.active()).toEqual([]);
    expect((await jobs.job).status?.failed).toBe(3);
  });

  it('says first that it will fail, and then, when its pods have ended, that it has', async () => {
    await jobs.create({ backoffLimit: 0, completions: 3, parallelism: 3 });
    const [first, ...others] = await jobs.active();
    await jobs.world.makeReady(others);
    await jobs.fail(first ? [first] : []);
    const early = await jobs.conditions();
    const { status } = await jobs.job;
    await jobs.world.end();
    await jobs.settle();

    expect(early).toEqual(['FailureTarget=True BackoffLimitExceeded']);
    expect(status).toMatchObject({ terminating: 2, ready: 0, failed: 3 });
    expect(await jobs.conditions()).toContain('Failed=True BackoffLimitExceeded');
    expect((await jobs.job).status).toMatchObject({ terminating: 0, failed: 3 });
  });

  it('counts restarts of containers against the limit', async () => {
    const template = { spec: { containers: [{ name: 'c', image: 'i' }], restartPolicy: 'OnFailure' } };
    await jobs.create({ backoffLimit: 2, template });
    const [pod] = await jobs.active();
    for (const restartCount of [1, 2]) {
      const containerStatuses = [{ name: 'c', image: 'i', imageID: 'i', ready: true, restartCount }];
      await jobs.world.setStatus(pod ?? {}, { phase: 'Running', containerStatuses });
      await jobs.settle();
      if (restartCount === 1) expect(await jobs.conditions()).toEqual([]);
    }

    expect(await jobs.conditions()).toContain('FailureTarget=True BackoffLimitExceeded');
  });

  it('ends all when it has been active for too long', async () => {
    await jobs.create({ activeDeadlineSeconds: 30, completions: 2, parallelism: 2 });
    await jobs.wait(29);
    const early = await jobs.conditions();
    await jobs.wait(1);

    expect(early).toEqual([]);
    expect(await jobs.conditions()).toEqual(['FailureTarget=True DeadlineExceeded', 'Failed=True DeadlineExceeded']);
    expect(await jobs.messageOf('Failed')).toBe('Job was active longer than specified deadline');
    expect(await jobs.world.pods()).toEqual([]);
  });

  it.each<{ title: string; spec: Partial<JobSpec>; failed: number | undefined; conditions: readonly string[]; active: number }>([
    {
      title: 'fails at once',
      spec: { podFailurePolicy: { rules: [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } }] } },
      failed: 1,
      conditions: ['FailureTarget=True PodFailurePolicy', 'Failed=True PodFailurePolicy'],
      active: 0,
    },
    {
      title: 'goes on as if nothing had been',
      spec: { podFailurePolicy: { rules: [{ action: 'Ignore', onExitCodes: { operator: 'In', values: [42] } }] } },
      failed: undefined,
      conditions: [],
      active: 1,
    },
    {
      title: 'counts it',
      spec: { podFailurePolicy: { rules: [{ action: 'Count', onExitCodes: { operator: 'In', values: [42] } }] } },
      failed: 1,
      conditions: [],
      active: 1,
    },
  ])('$title if the policy says so', async ({ spec, failed, conditions, active }) => {
    await jobs.create(spec);
    await jobs.fail(await jobs.active(), 42);
    await jobs.wait(10);

    expect((await jobs.job).status?.failed).toBe(failed);
    expect(await jobs.conditions()).toEqual(conditions);
    expect(await jobs.active()).toHaveLength(active);
  });

  it('replaces a pod that is being deleted at once, and counts it as failed', async () => {
    await jobs.create();
    const [pod] = await jobs.active();
    await jobs.world.makeReady(pod ? [pod] : []);
    await jobs.world.client.resource(Pod).delete({ name: nameOf(pod ?? {}), namespace: 'default' });
    await jobs.wait(10);

    expect((await jobs.job).status).toMatchObject({ active: 1, failed: 1, terminating: 1 });
  });

  it('waits for a pod that is being deleted to end, if only failed ones are replaced', async () => {
    await jobs.create({ podReplacementPolicy: 'Failed' });
    const [pod] = await jobs.active();
    await jobs.world.makeReady(pod ? [pod] : []);
    await jobs.world.client.resource(Pod).delete({ name: nameOf(pod ?? {}), namespace: 'default' });
    await jobs.wait(60);
    const { status: early } = await jobs.job;
    await jobs.fail(pod ? [pod] : []);
    await jobs.wait(10);

    expect(early).toMatchObject({ terminating: 1 });
    expect([early?.active, early?.failed]).toEqual([undefined, undefined]);
    expect((await jobs.job).status).toMatchObject({ active: 1, failed: 1, terminating: 0 });
  });

  it('gives each index its own tries and waits, also if failed pods are deleted in between', async () => {
    await jobs.create({ ...INDEXED, backoffLimitPerIndex: 1 });
    const [zero, one, two] = await jobs.active();
    await jobs.succeed(two ? [two] : []);
    await jobs.fail([zero, one].flatMap((pod) => pod ?? []));
    const { status: held } = await jobs.job;
    await jobs.world.end([zero, one].flatMap((pod) => pod ?? []));
    await jobs.wait(10);
    const [again] = await jobs.active();
    const { status: replaced } = await jobs.job;
    await jobs.fail(again ? [again] : []);
    await jobs.wait(60);
    const { status } = await jobs.job;
    await jobs.succeed(await jobs.active());

    expect(held?.failed).toBeUndefined();
    expect(again?.metadata?.annotations?.['batch.kubernetes.io/job-index-failure-count']).toBe('1');
    expect(replaced).toMatchObject({ active: 2, failed: 2, failedIndexes: '' });
    expect(status).toMatchObject({ active: 1, failed: 3, failedIndexes: '0', completedIndexes: '2' });
    expect((await jobs.job).status).toMatchObject({ completedIndexes: '1,2', failedIndexes: '0', succeeded: 2 });
    expect(await jobs.conditions()).toEqual(['FailureTarget=True FailedIndexes', 'Failed=True FailedIndexes']);
  });

  it('lets one index go on while another one waits', async () => {
    await jobs.create({ ...INDEXED, parallelism: 2, backoffLimitPerIndex: 3 });
    const [zero] = await jobs.active();
    await jobs.fail(zero ? [zero] : []);
    const early = await jobs.activeIndexes();
    await jobs.succeed((await jobs.active()).slice(0, 1));
    await jobs.wait(10);

    expect(early).toEqual([1, 2]);
    expect(await jobs.activeIndexes()).toEqual([0, 2]);
  });

  it('tries an index no more that the policy gives up', async () => {
    const rules = [{ action: 'FailIndex' as const, onExitCodes: { operator: 'In' as const, values: [42] } }];
    await jobs.create({ ...INDEXED, backoffLimitPerIndex: 5, podFailurePolicy: { rules } });
    const [zero] = await jobs.active();
    await jobs.fail(zero ? [zero] : [], 42);
    await jobs.wait(600);

    expect((await jobs.job).status).toMatchObject({ failedIndexes: '0', failed: 1, active: 2 });
    expect(await jobs.activeIndexes()).toEqual([1, 2]);
  });

  it('fails when more indexes have failed than may', async () => {
    await jobs.create({ ...INDEXED, backoffLimitPerIndex: 0, maxFailedIndexes: 1 });
    const pods = await jobs.active();
    await jobs.fail(pods.slice(0, 1));
    const early = await jobs.conditions();
    await jobs.fail(pods.slice(1, 2));

    expect(early).toEqual([]);
    expect(await jobs.conditions()).toEqual([
      'FailureTarget=True MaxFailedIndexesExceeded',
      'Failed=True MaxFailedIndexesExceeded',
    ]);
  });

  it('is complete when its success policy is met, and ends what still runs without counting it', async () => {
    await jobs.create({ ...INDEXED, successPolicy: { rules: [{ succeededIndexes: '1-2', succeededCount: 1 }] } });
    const pods = await jobs.active();
    await jobs.world.makeReady(pods);
    await jobs.succeed(pods.slice(0, 1));
    const early = await jobs.conditions();
    await jobs.succeed(pods.slice(1, 2));
    const between = await jobs.conditions();
    await jobs.world.end();
    await jobs.settle();

    expect(early).toEqual([]);
    expect(between).toEqual(['SuccessCriteriaMet=True SuccessPolicy']);
    expect(await jobs.conditions()).toEqual(['SuccessCriteriaMet=True SuccessPolicy', 'Complete=True SuccessPolicy']);
    expect(await jobs.messageOf('Complete')).toBe('Matched rules at index 0');
    expect((await jobs.job).status).toMatchObject({ completedIndexes: '0,1', succeeded: 2, terminating: 0 });
    expect((await jobs.job).status?.failed).toBeUndefined();
  });
});
