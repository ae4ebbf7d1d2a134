import type { Pod } from '@keelson/api/core/v1';
import { ManualClock } from '@keelson/base/testing';
import { describe, expect, it } from 'vitest';
import { prioritySort } from './plugins/priority-sort.ts';
import { SchedulingQueue } from './scheduling-queue.ts';

const pod = (name: string, priority = 0): Pod => ({
  metadata: { name, namespace: 'default' },
  spec: { priority, containers: [] },
});

function setUp(): { clock: ManualClock; queue: SchedulingQueue } {
  const clock = new ManualClock();
  return { clock, queue: new SchedulingQueue({ clock, sort: prioritySort }) };
}

describe('SchedulingQueue', () => {
  it('gives pods by priority, then by age', async () => {
    const { clock, queue } = setUp();
    queue.add(pod('old'));
    await clock.advance(1);
    queue.add(pod('young'));
    queue.add(pod('urgent', 10));

    const order = [await queue.take(), await queue.take(), await queue.take()].map((attempt) => attempt?.pod.metadata?.name);

    expect(order).toEqual(['urgent', 'old', 'young']);
  });

  it('keeps an unschedulable pod back until something changes', async () => {
    const { clock, queue } = setUp();
    queue.add(pod('p'));
    const first = await queue.take();
    if (first) queue.park(first, 'unschedulable');
    await clock.advance(60_000);
    expect(queue.sizes).toEqual({ active: 0, backoff: 0, unschedulable: 1 });

    queue.moveAll();

    expect((await queue.take())?.attempts).toBe(2);
  });

  it('tries it again after five minutes even if nothing changes', async () => {
    const { clock, queue } = setUp();
    queue.add(pod('p'));
    const first = await queue.take();
    if (first) queue.park(first, 'unschedulable');

    await clock.advance(301_000);

    expect(queue.sizes.active).toBe(1);
  });

  it('does not lose a change that came while the pod was being tried', async () => {
    const { clock, queue } = setUp();
    queue.add(pod('p'));
    const attempt = await queue.take();
    queue.moveAll();
    if (attempt) queue.park(attempt, 'unschedulable');

    expect(queue.sizes).toEqual({ active: 0, backoff: 1, unschedulable: 0 });
    await clock.advance(2_000);
    expect(queue.sizes.active).toBe(1);
  });

  it('backs off longer with each failure, up to ten seconds', async () => {
    const { clock, queue } = setUp();
    queue.add(pod('p'));
    const waits: number[] = [];
    for (let round = 0; round < 6; round += 1) {
      const attempt = await queue.take();
      if (attempt) queue.park(attempt, 'retry');
      const startMs = clock.now();
      while (queue.sizes.active === 0) await clock.advance(1_000);
      waits.push((clock.now() - startMs) / 1_000);
    }

    expect(waits).toEqual([1, 2, 4, 8, 10, 10]);
  });

  it('wakes a taker when a pod comes, and when it is closed', async () => {
    const { queue } = setUp();
    const taken = queue.take();
    queue.add(pod('p'));
    expect((await taken)?.pod.metadata?.name).toBe('p');

    const last = queue.take();
    queue.close();

    expect(await last).toBeUndefined();
  });

  it('forgets deleted pods wherever they wait', async () => {
    const { queue } = setUp();
    queue.add(pod('p'));
    queue.delete(pod('p'));

    expect(queue.sizes.active).toBe(0);
  });
});
