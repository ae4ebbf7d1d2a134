import { findCondition, formatTime } from '@keelson/api';
import { Job, type JobSpec, type JobStatus } from '@keelson/api/batch/v1';
import type { Pod } from '@keelson/api/core/v1';
import { isActive, templateOf, WorkloadWorld } from '../../pod-control/testing/workload-world.ts';
import { jobController } from '../job-controller.ts';
import { indexOf } from '../job-pods.ts';

export function jobOf(spec: Partial<JobSpec> = {}, name = 'work'): Job {
  const { containers } = templateOf(name).spec ?? { containers: [] };
  return { metadata: { name }, spec: { template: { spec: { containers, restartPolicy: 'Never' } }, ...spec } };
}

/** The status of a Job that has ended at that time. */
export function finishedStatus(type: 'Complete' | 'Failed', nowMs: number): JobStatus {
  const time = formatTime(nowMs);
  const types = [type === 'Complete' ? 'SuccessCriteriaMet' : 'FailureTarget', type];
  const conditions = types.map((each) => ({ type: each, status: 'True', lastTransitionTime: time }));
  return { startTime: time, conditions, ...(type === 'Complete' && { completionTime: time }) };
}

/** The Job controller at work; the test says how pods end. */
export class JobWorld implements AsyncDisposable {
  readonly world: WorkloadWorld;

  private constructor(world: WorkloadWorld) {
    this.world = world;
  }

  static async start(): Promise<JobWorld> {
    return new JobWorld(await WorkloadWorld.start(jobController));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.world[Symbol.asyncDispose]();
  }

  async create(spec: Partial<JobSpec> = {}): Promise<Job> {
    const job = await this.world.create(Job, jobOf(spec));
    await this.settle();
    return job;
  }

  async patch(patch: unknown): Promise<void> {
    await this.world.patch(Job, 'work', patch);
    await this.settle();
  }

  get job(): Promise<Job> {
    return this.world.get(Job, 'work');
  }

  /** Those that run, by name of their index, else in any order. */
  async active(): Promise<readonly Pod[]> {
    const pods = await this.world.pods();
    const isRunning = (pod: Pod): boolean => isActive(pod) && !['Succeeded', 'Failed'].includes(pod.status?.phase ?? '');
    return pods.filter(isRunning).toSorted((a, b) => indexOf(a) - indexOf(b));
  }

  async activeIndexes(): Promise<readonly number[]> {
    return (await this.active()).map(indexOf);
  }

  async end(pods: readonly Pod[], exitCode: number): Promise<void> {
    const state = { terminated: { exitCode, finishedAt: formatTime(this.world.clock.now()) } };
    const containerStatuses = [{ name: 'c', image: 'i', imageID: 'i', ready: false, restartCount: 0, state }];
    for (const pod of pods)
      await this.world.setStatus(pod, { phase: exitCode === 0 ? 'Succeeded' : 'Failed', containerStatuses });
    await this.settle();
  }

  succeed(pods: readonly Pod[]): Promise<void> {
    return this.end(pods, 0);
  }

  fail(pods: readonly Pod[], exitCode = 1): Promise<void> {
    return this.end(pods, exitCode);
  }

  async wait(seconds: number): Promise<void> {
    await this.world.clock.advance(seconds * 1000);
    await this.settle();
  }

  /** What conditions say, in their order. */
  async conditions(): Promise<readonly string[]> {
    return ((await this.job).status?.conditions ?? []).map(({ type, status, reason }) => `${type}=${status} ${reason}`);
  }

  async messageOf(type: string): Promise<string | undefined> {
    return findCondition((await this.job).status?.conditions, type)?.message;
  }

  /** Until nothing happens, with failures tried again. */
  async settle(): Promise<void> {
    await this.world.settle();
    await this.world.clock.advance(200);
    await this.world.settle();
  }
}
