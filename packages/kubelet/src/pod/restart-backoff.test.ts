import { describe, expect, it } from 'vitest';
import { ManualClock } from '@keelson/base/testing';
import { RestartBackoff } from './restart-backoff.ts';

describe('RestartBackoff', () => {
  it('restarts at 0, then after 10, 20, 40, 80, 160 and 300 s', async () => {
    const clock = new ManualClock();
    const backoff = new RestartBackoff(clock);
    const delays: number[] = [];

    for (let round = 0; round < 8; round += 1) {
      const failedAtMs = clock.now();
      const delayMs = backoff.remainingMs('a', failedAtMs);
      delays.push(delayMs / 1000);
      await clock.advance(delayMs);
      backoff.next('a', failedAtMs);
    }

    expect(delays).toEqual([0, 10, 20, 40, 80, 160, 300, 300]);
  });

  it('begins anew after ten minutes without failure, and for a pod that was forgotten', async () => {
    const clock = new ManualClock();
    const backoff = new RestartBackoff(clock);
    backoff.next('pod/a', clock.now());
    expect(backoff.remainingMs('pod/a', clock.now())).toBe(10_000);

    await clock.advance(600_001);
    expect(backoff.remainingMs('pod/a', clock.now())).toBe(0);
    backoff.next('pod/a', clock.now());
    backoff.forget('pod/');

    expect(backoff.remainingMs('pod/a', clock.now())).toBe(0);
  });
});
