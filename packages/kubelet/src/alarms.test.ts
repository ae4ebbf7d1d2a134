import { describe, expect, it } from 'vitest';
import { ManualClock } from '@keelson/base/testing';
import { Alarms } from './alarms.ts';

describe('Alarms', () => {
  it('rings in order of time on one timer', async () => {
    const clock = new ManualClock();
    const alarms = new Alarms(clock);
    const rung: string[] = [];

    for (const [key, delayMs] of [
      ['c', 30],
      ['a', 10],
      ['d', 40],
      ['b', 20],
    ] as const)
      alarms.set(key, delayMs, () => rung.push(key));
    alarms.set('d', 5, () => rung.push('d again'));
    alarms.cancel('b');
    expect(clock.pending).toBe(1);
    await clock.advance(100);

    expect(rung).toEqual(['d again', 'a', 'c']);
    expect(clock.pending).toBe(0);
  });

  it('lets an alarm set itself again, and the sooner of two stay', async () => {
    const clock = new ManualClock();
    const alarms = new Alarms(clock);
    let count = 0;
    const again = () => (++count < 3 ? alarms.set('x', 10, again) : undefined);

    alarms.set('x', 10, again);
    alarms.setIfSooner('x', 50, () => (count = 100));
    await clock.advance(100);

    expect(count).toBe(3);
  });

  it('rings no more once stopped', async () => {
    const clock = new ManualClock();
    const alarms = new Alarms(clock);
    let rung = false;
    alarms.set('x', 10, () => (rung = true));

    alarms.stop();
    await clock.advance(100);

    expect(rung).toBe(false);
    expect(clock.pending).toBe(0);
  });
});
