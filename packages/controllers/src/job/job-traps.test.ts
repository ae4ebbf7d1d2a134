import { nameOf } from '@keelson/api';
import { Job } from '@keelson/api/batch/v1';
import { Pod } from '@keelson/api/core/v1';
import { KeelsonError } from '@keelson/base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isTracked } from './job-pods.ts';
import { jobOf, JobWorld } from './testing/job-world.ts';

describe('jobController in trouble', () => {
  let jobs: JobWorld;

  beforeEach(async () => {
    jobs = await JobWorld.start();
  });

  afterEach(() => jobs[Symbol.asyncDispose]());

  it('counts the end of a pod that someone deletes before it was seen', async () => {
    await jobs.create({ completions: 2, parallelism: 1 });
    const [pod] = await jobs.active();
    jobs.world.transport.hold('pods');
    await jobs.succeed(pod ? [pod] : []);
    await jobs.world.end(pod ? [pod] : []);
    const held = await jobs.world.get(Pod, nameOf(pod ?? {}));
    jobs.world.transport.release();
    await jobs.settle();

    expect(isTracked(held)).toBe(true);
    expect((await jobs.world.pods()).map(nameOf)).not.toContain(nameOf(pod ?? {}));
    expect((await jobs.job).status).toMatchObject({ succeeded: 1, active: 1 });
  });

  it.each([
    { title: 'before the end is noted', refuse: ({ path }: { path: string }) => path.endsWith('/jobs/work/status') },
    { title: 'before the finalizer is gone', refuse: ({ path }: { path: string }) => /\/pods\/work-[^/]*$/.test(path) },
  ])('counts each end once if it is killed $title', async ({ refuse }) => {
    await jobs.create({ completions: 4, parallelism: 2 });
    const pods = await jobs.active();
    jobs.world.transport.intercept = (call) => {
      if (call.method === 'PATCH' && refuse(call)) throw new KeelsonError('ServiceUnavailable', 'down');
    };
    await jobs.succeed(pods);
    jobs.world.transport.intercept = () => undefined;
    await jobs.world.restart();
    await jobs.settle();

    expect((await jobs.job).status).toMatchObject({ succeeded: 2, active: 2 });
    expect((await jobs.world.pods()).filter(isTracked)).toHaveLength(2);
  });

  it('makes no more pods than it should while its cache lacks what it has written of the Job', async () => {
    await jobs.create({ completions: 2, parallelism: 2 });
    jobs.world.transport.hold('jobs');
    await jobs.succeed(await jobs.active());
    await jobs.wait(30);
    const made = await jobs.world.pods();
    jobs.world.transport.release();
    await jobs.settle();

    expect(made).toHaveLength(2);
    expect((await jobs.job).status).toMatchObject({ succeeded: 2 });
    expect(await jobs.world.pods()).toHaveLength(2);
  });

  it('makes pods once, however long the cache does not show them', async () => {
    jobs.world.transport.hold('pods');
    await jobs.create({ completions: 3, parallelism: 3 });
    for (let time = 0; time < 4; time += 1) await jobs.patch({ metadata: { annotations: { time: String(time) } } });

    expect(await jobs.world.pods()).toHaveLength(3);
  });

  it('does not say that a Job has ended whose last pod its cache lacks', async () => {
    await jobs.create({ completions: 2, parallelism: 1, activeDeadlineSeconds: 100 });
    jobs.world.transport.hold('pods');
    await jobs.patch({ spec: { parallelism: 2 } });
    await jobs.wait(100);
    const early = await jobs.conditions();
    jobs.world.transport.release();
    await jobs.settle();

    expect(early).toEqual(['FailureTarget=True DeadlineExceeded']);
    expect(await jobs.conditions()).toContain('Failed=True DeadlineExceeded');
    expect((await jobs.job).status).toMatchObject({ failed: 2 });
    expect(await jobs.world.pods()).toEqual([]);
  });

  it('lets pods go whose Job is deleted, or was gone while nobody looked', async () => {
    await jobs.create({ completions: 2, parallelism: 2 });
    await jobs.world.world.stopControllers();
    await jobs.world.client.resource(Job).delete({ name: 'work', namespace: 'default' }, { propagationPolicy: 'Background' });
    await jobs.world.restart();
    await jobs.settle();

    expect((await jobs.world.pods()).filter(isTracked)).toEqual([]);
  });

  it('does not take pods of a new Job for those of the one that had its name before', async () => {
    await jobs.create();
    jobs.world.transport.hold('jobs');
    await jobs.world.client.resource(Job).delete({ name: 'work', namespace: 'default' }, { propagationPolicy: 'Background' });
    const job = await jobs.world.create(Job, jobOf());
    const [old] = await jobs.active();
    const ownerReferences = [
      { apiVersion: 'batch/v1', kind: 'Job', name: 'work', uid: job.metadata?.uid ?? '', controller: true },
    ];
    await jobs.world.create(Pod, {
      metadata: { name: 'new', ownerReferences, finalizers: old?.metadata?.finalizers },
      spec: { containers: [{ name: 'c', image: 'i' }] },
    });
    await jobs.settle();

    expect(isTracked(await jobs.world.get(Pod, 'new'))).toBe(true);
    expect(isTracked(await jobs.world.get(Pod, nameOf(old ?? {})))).toBe(false);
  });

  it('keeps one pod of each index', async () => {
    await jobs.create({ completions: 2, parallelism: 2, completionMode: 'Indexed' });
    const [zero] = await jobs.active();
    const { labels, annotations, ownerReferences, finalizers } = zero?.metadata ?? {};
    const spec = { containers: [{ name: 'c', image: 'i' }] };
    await jobs.world.makeReady(zero ? [zero] : []);
    for (const [name, index] of [
      ['twice', '0'],
      ['beyond', '7'],
    ] as const) {
      const marked = { ...annotations, 'batch.kubernetes.io/job-completion-index': index };
      await jobs.world.create(Pod, { metadata: { name, labels, annotations: marked, ownerReferences, finalizers }, spec });
    }
    await jobs.settle();

    expect((await jobs.active()).map(nameOf)).not.toContain('twice');
    expect(await jobs.activeIndexes()).toEqual([0, 1]);
  });

  it('writes nothing when there is nothing to do', async () => {
    await jobs.create({ completions: 2, parallelism: 2 });
    await jobs.world.makeReady(await jobs.active());
    await jobs.settle();
    const before = jobs.world.world.writes.length;
    await jobs.wait(3600);

    expect(jobs.world.world.writes.slice(before)).toEqual([]);
  });
});
