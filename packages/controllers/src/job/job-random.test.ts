import { Job } from '@keelson/api/batch/v1';
import { describe, expect, it } from 'vitest';
import { randomFrom } from '../pod-control/testing/random.ts';
import { TROUBLES, Troubles } from '../pod-control/testing/troubles.ts';
import { isTracked } from './job-pods.ts';
import { JobWorld } from './testing/job-world.ts';

const ACTIONS = ['succeed', 'suspend', 'scale', ...TROUBLES] as const;
const COMPLETIONS = 12;
const MOST = 4;

/** Pods succeed, fail and are deleted, writes are refused and caches lag, in any order. */
async function live(jobs: JobWorld, random: () => number, troubles: Troubles): Promise<void> {
  const { world } = jobs;
  const pod = troubles.pick(await jobs.active());
  const action = troubles.pick(ACTIONS);
  switch (action) {
    case undefined:
      break;
    case 'succeed':
      await jobs.succeed(pod ? [pod] : []);
      break;
    case 'fail':
      await jobs.fail(pod ? [pod] : []);
      break;
    case 'suspend':
      await world.patch(Job, 'work', { spec: { suspend: random() < 0.3 } });
      break;
    case 'scale':
      await world.patch(Job, 'work', { spec: { parallelism: 1 + Math.floor(random() * MOST) } });
      break;
    default:
      await troubles.make(action);
  }
  await world.settle();
}

/** What the test has seen of the pods that have ended. */
interface Seen {
  readonly succeeded: Set<string>;
}

async function note(jobs: JobWorld, { succeeded }: Seen): Promise<void> {
  for (const pod of await jobs.world.pods()) if (pod.status?.phase === 'Succeeded') succeeded.add(pod.metadata?.uid ?? '');
}

describe('jobController, whatever happens', () => {
  it.each([
    { seed: 1, completionMode: 'NonIndexed' },
    { seed: 2, completionMode: 'Indexed' },
    { seed: 3, completionMode: 'NonIndexed' },
    { seed: 4, completionMode: 'Indexed' },
    { seed: 5, completionMode: 'NonIndexed' },
  ])('counts every success once and never runs too many pods ($completionMode, seed $seed)', async ({ seed, completionMode }) => {
    await using jobs = await JobWorld.start();
    const random = randomFrom(seed);
    const troubles = new Troubles(jobs.world, random, 'pods', 'jobs');
    const seen = { succeeded: new Set<string>() };
    await jobs.create({ completions: COMPLETIONS, parallelism: 2, backoffLimit: 1000, completionMode });
    const running: number[] = [];
    for (let turn = 0; turn < 80; turn += 1) {
      await live(jobs, random, troubles);
      await note(jobs, seen);
      running.push((await jobs.active()).length);
    }
    troubles.over();
    await jobs.world.patch(Job, 'work', { spec: { suspend: false, parallelism: 3 } });
    for (let turn = 0; turn < 30; turn += 1) {
      await jobs.wait(700);
      await jobs.succeed(await jobs.active());
      await note(jobs, seen);
      await jobs.world.end();
    }
    await jobs.wait(3600);
    const { writes } = jobs.world.world;
    const before = writes.length;
    await jobs.wait(3600);
    const { status } = await jobs.job;

    expect(Math.max(...running)).toBeLessThanOrEqual(MOST);
    expect(status).toMatchObject({ succeeded: COMPLETIONS, terminating: 0, uncountedTerminatedPods: {} });
    expect(seen.succeeded.size).toBe(COMPLETIONS);
    expect(await jobs.conditions()).toContain('Complete=True CompletionsReached');
    expect((await jobs.world.pods()).filter(isTracked)).toEqual([]);
    expect(writes.slice(before)).toEqual([]);
  });
});
