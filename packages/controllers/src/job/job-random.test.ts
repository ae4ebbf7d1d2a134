import { nameOf } from '@keelson/api';
import { Job } from '@keelson/api/batch/v1';
import { Pod } from '@keelson/api/core/v1';
import { KeelsonError } from '@keelson/base';
import { describe, expect, it } from 'vitest';
import { randomFrom } from '../pod-control/testing/random.ts';
import { isTracked } from './job-pods.ts';
import { JobWorld } from './testing/job-world.ts';

const ACTIONS = ['succeed', 'fail', 'delete', 'end', 'suspend', 'scale', 'hold', 'release', 'restart', 'refuse', 'wait'] as const;
const COMPLETIONS = 12;
const MOST = 4;

/** Pods succeed, fail and are deleted, writes are refused and caches lag, in any order. */
async function live(jobs: JobWorld, random: () => number): Promise<void> {
  const pick = <T>(choices: readonly T[]): T | undefined => choices[Math.floor(random() * choices.length)];
  const { world } = jobs;
  const pod = pick(await jobs.active());
  switch (pick(ACTIONS)) {
    case 'succeed':
      await jobs.succeed(pod ? [pod] : []);
      break;
    case 'fail':
      await jobs.fail(pod ? [pod] : []);
      break;
    case 'delete':
      if (pod) await world.client.resource(Pod).delete({ name: nameOf(pod), namespace: 'default' });
      break;
    case 'end':
      await world.end();
      break;
    case 'suspend':
      await world.patch(Job, 'work', { spec: { suspend: random() < 0.3 } });
      break;
    case 'scale':
      await world.patch(Job, 'work', { spec: { parallelism: 1 + Math.floor(random() * MOST) } });
      break;
    case 'hold':
      world.transport.hold(pick(['pods', 'jobs']) ?? '');
      break;
    case 'restart':
      world.transport.release();
      await world.restart();
      break;
    case 'refuse':
      world.world.failure = ({ method, path }) => {
        if (method === 'GET' || path.endsWith('/events') || random() > 0.3) return undefined;
        return new KeelsonError(random() < 0.5 ? 'Conflict' : 'InternalError', 'bad luck');
      };
      break;
    case 'release':
      world.transport.release();
      world.world.failure = () => undefined;
      break;
    case 'wait':
      await jobs.wait(Math.floor(random() * 300));
      break;
    case undefined:
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
    const seen = { succeeded: new Set<string>() };
    await jobs.create({ completions: COMPLETIONS, parallelism: 2, backoffLimit: 1000, completionMode });
    const running: number[] = [];
    for (let turn = 0; turn < 80; turn += 1) {
      await live(jobs, random);
      await note(jobs, seen);
      running.push((await jobs.active()).length);
    }
    jobs.world.transport.release();
    jobs.world.world.failure = () => undefined;
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
