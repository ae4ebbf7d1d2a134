import { formatTime } from '@keelson/api';
import type { Pod } from '@keelson/api/core/v1';
import { describe, expect, it } from 'vitest';
import { backoffMs, NO_BACKOFF, PodBackoffs, withEnds } from './pod-backoff.ts';
import { survey } from './survey.ts';

const NOW_MS = Date.UTC(2026, 0, 1);

function ended(seconds: number, phase = 'Failed', uid = `${phase}-${seconds}`): Pod {
  const state = { terminated: { exitCode: 1, finishedAt: formatTime(NOW_MS + seconds * 1000) } };
  return {
    metadata: { uid, finalizers: ['batch.kubernetes.io/job-tracking'] },
    status: { phase, containerStatuses: [{ name: 'c', image: '', imageID: '', ready: false, restartCount: 0, state }] },
  };
}

describe('withEnds', () => {
  it.each([
    { title: 'nothing', succeeded: [], failed: [], failures: 2 },
    { title: 'two failures', succeeded: [], failed: [ended(1), ended(2)], failures: 4 },
    { title: 'a success, which starts the count anew', succeeded: [ended(9, 'Succeeded')], failed: [ended(2)], failures: 0 },
    { title: 'failures around a success', succeeded: [ended(5, 'Succeeded')], failed: [ended(2), ended(8)], failures: 1 },
  ])('adds $title', ({ succeeded, failed, failures }) => {
    expect(withEnds({ failures: 2, lastMs: NOW_MS }, succeeded, failed).failures).toBe(failures);
  });
});

describe('backoffMs', () => {
  it.each([
    { failures: 0, seconds: 0 },
    { failures: 1, seconds: 10 },
    { failures: 2, seconds: 20 },
    { failures: 6, seconds: 320 },
    { failures: 7, seconds: 600 },
    { failures: 70, seconds: 600 },
  ])('waits $seconds s after $failures failures', ({ failures, seconds }) => {
    expect(backoffMs({ failures, lastMs: NOW_MS }, NOW_MS)).toBe(seconds * 1000);
  });

  it('lets the second of two pods that failed at 0:00 and 0:12 be followed at 0:32', () => {
    const backoff = withEnds(withEnds(NO_BACKOFF, [], [ended(0)]), [], [ended(12)]);

    expect(backoffMs(backoff, NOW_MS + 12_000)).toBe(20_000);
    expect(backoffMs(backoff, NOW_MS + 32_000)).toBe(0);
  });
});

describe('PodBackoffs', () => {
  const job = { metadata: { uid: 'job' }, spec: { template: { spec: { containers: [] } } } };

  it('counts each end once, however often it is asked, and also when the pod is gone', () => {
    const backoffs = new PodBackoffs();
    const counts = [[ended(1)], [ended(1)], [ended(1), ended(2)], [ended(2)], []].map(
      (pods) => backoffs.of(job, survey(job, pods)).failures,
    );

    expect(counts).toEqual([1, 1, 2, 2, 2]);
  });

  it('begins with the pods that are there', () => {
    const counted: Pod = { ...ended(3), metadata: { uid: 'counted' } };

    expect(new PodBackoffs().of(job, survey(job, [counted, ended(4)])).failures).toBe(2);
  });
});
