import { controllerOf, nameOf, uidOf } from '@keelson/api';
import { Job } from '@keelson/api/batch/v1';
import { Pod } from '@keelson/api/core/v1';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isTracked } from './job-pods.ts';
import { JobWorld } from './testing/job-world.ts';

describe('jobController', () => {
  let jobs: JobWorld;

  beforeEach(async () => {
    jobs = await JobWorld.start();
  });

  afterEach(() => jobs[Symbol.asyncDispose]());

  it('runs one pod to its end, and says so', async () => {
    const job = await jobs.create();
    const [pod] = await jobs.active();
    const { status: running } = await jobs.job;
    await jobs.succeed(pod ? [pod] : []);
    const { status } = await jobs.job;

    expect(pod?.metadata).toMatchObject({ generateName: 'work-', finalizers: ['batch.kubernetes.io/job-tracking'] });
    expect(controllerOf(pod ?? {})).toMatchObject({ apiVersion: 'batch/v1', kind: 'Job', name: 'work', uid: uidOf(job) });
    expect(running).toMatchObject({ active: 1, ready: 0, terminating: 0, startTime: job.metadata?.creationTimestamp });
    expect(status).toMatchObject({ succeeded: 1, ready: 0, terminating: 0, uncountedTerminatedPods: {} });
    expect(status?.active).toBeUndefined();
    expect(status?.completionTime).toBeDefined();
    expect(await jobs.conditions()).toEqual(['SuccessCriteriaMet=True CompletionsReached', 'Complete=True CompletionsReached']);
    expect(await jobs.world.messages('Completed')).toEqual(['Job completed']);
    expect(isTracked(await jobs.world.get(Pod, nameOf(pod ?? {})))).toBe(false);
  });

  it('runs as many at a time as parallelism says, until there are enough completions', async () => {
    await jobs.create({ completions: 5, parallelism: 2 });
    const counts: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      const active = await jobs.active();
      counts.push(active.length);
      await jobs.succeed(active);
    }

    expect(counts).toEqual([2, 2, 1]);
    expect((await jobs.job).status).toMatchObject({ succeeded: 5 });
  });

  it('without completions begins no more pods once one has succeeded, and waits for the others', async () => {
    await jobs.create({ parallelism: 3 });
    const [first, ...others] = await jobs.active();
    await jobs.succeed(first ? [first] : []);
    const { status: early } = await jobs.job;
    await jobs.succeed(others);

    expect(early).toMatchObject({ active: 2, succeeded: 1 });
    expect(early?.conditions).toBeUndefined();
    expect((await jobs.job).status).toMatchObject({ succeeded: 3 });
    expect(await jobs.conditions()).toContain('Complete=True CompletionsReached');
  });

  it('deletes pods that are too many when parallelism goes down, and does not count them', async () => {
    await jobs.create({ completions: 9, parallelism: 4 });
    await jobs.world.makeReady((await jobs.active()).slice(0, 2));
    await jobs.settle();
    const { status: before } = await jobs.job;
    await jobs.patch({ spec: { parallelism: 1 } });
    const left = await jobs.active();
    const { status } = await jobs.job;

    expect(before).toMatchObject({ active: 4, ready: 2 });
    expect(left.map(({ status: { phase } = {} }) => phase)).toEqual(['Running']);
    expect(status).toMatchObject({ active: 1, ready: 1, terminating: 1 });
    expect(status?.failed).toBeUndefined();
  });

  it('tells pods of an indexed Job their index in every way', async () => {
    await jobs.create({ completions: 2, parallelism: 2, completionMode: 'Indexed' });
    const [zero, one] = await jobs.active();

    expect(one?.metadata).toMatchObject({
      annotations: { 'batch.kubernetes.io/job-completion-index': '1' },
      labels: { 'batch.kubernetes.io/job-completion-index': '1', 'batch.kubernetes.io/job-name': 'work' },
    });
    expect([nameOf(zero ?? {}), nameOf(one ?? {})].map((name) => name.slice(0, 7))).toEqual(['work-0-', 'work-1-']);
    expect(one?.spec?.hostname).toBe('work-1');
    expect(one?.spec?.containers[0]?.env).toEqual([
      {
        name: 'JOB_COMPLETION_INDEX',
        valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: "metadata.labels['batch.kubernetes.io/job-completion-index']" } },
      },
    ]);
  });

  it('replaces failed pods of their index, and reports which are complete', async () => {
    await jobs.create({ completions: 4, parallelism: 4, completionMode: 'Indexed' });
    const [zero, one, two, three] = await jobs.active();
    await jobs.succeed([zero, two, three].flatMap((pod) => pod ?? []));
    await jobs.fail(one ? [one] : []);
    const early = await jobs.activeIndexes();
    await jobs.wait(10);
    const late = await jobs.activeIndexes();
    const { status } = await jobs.job;
    await jobs.succeed(await jobs.active());

    expect([early, late]).toEqual([[], [1]]);
    expect(status).toMatchObject({ completedIndexes: '0,2,3', succeeded: 3, failed: 1, active: 1 });
    expect((await jobs.job).status).toMatchObject({ completedIndexes: '0-3', succeeded: 4 });
  });

  it('when suspended deletes its pods as if they had never been, and begins anew when resumed', async () => {
    await jobs.create({ completions: 3, parallelism: 2, activeDeadlineSeconds: 100 });
    await jobs.wait(60);
    await jobs.patch({ spec: { suspend: true } });
    const { status: suspended } = await jobs.job;
    const left = await jobs.world.pods();
    await jobs.wait(600);
    await jobs.patch({ spec: { suspend: false } });
    const { status: resumed } = await jobs.job;

    expect(left).toEqual([]);
    expect(suspended).toMatchObject({ ready: 0, conditions: [{ type: 'Suspended', status: 'True', reason: 'JobSuspended' }] });
    expect([suspended?.active, suspended?.failed, suspended?.startTime]).toEqual([undefined, undefined, undefined]);
    expect(resumed).toMatchObject({ active: 2, conditions: [{ type: 'Suspended', status: 'False', reason: 'JobResumed' }] });
    expect(resumed?.startTime).toBeDefined();
    expect(await jobs.world.messages('Suspended')).toEqual(['Job suspended']);
    expect(await jobs.world.messages('Resumed')).toEqual(['Job resumed']);
  });

  it('does not begin what is created suspended', async () => {
    await jobs.create({ suspend: true });

    expect(await jobs.world.pods()).toEqual([]);
    expect(await jobs.conditions()).toEqual(['Suspended=True JobSuspended']);
    expect((await jobs.job).status?.startTime).toBeUndefined();
  });

  it('leaves a Job alone that another controller manages', async () => {
    await jobs.create({ managedBy: 'example.com/other' });

    expect(await jobs.world.pods()).toEqual([]);
    expect((await jobs.job).status).toEqual({});
  });

  it('adopts pods that match a selector of its own, and counts their end', async () => {
    const template = { metadata: { labels: { app: 'mine' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
    await jobs.world.create(Pod, { ...template, metadata: { ...template.metadata, name: 'orphan' } });
    await jobs.world.create(Job, {
      metadata: { name: 'work' },
      spec: {
        manualSelector: true,
        selector: { matchLabels: { app: 'mine' } },
        template: { ...template, spec: { ...template.spec, restartPolicy: 'Never' } },
      },
    });
    await jobs.settle();
    const orphan = await jobs.world.get(Pod, 'orphan');
    await jobs.succeed([orphan]);

    expect(isTracked(orphan)).toBe(true);
    expect((await jobs.job).status).toMatchObject({ succeeded: 1 });
    expect(await jobs.world.pods()).toHaveLength(1);
  });
});
