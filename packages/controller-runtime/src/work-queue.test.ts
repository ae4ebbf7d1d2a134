import { ManualClock } from '@keelson/base/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WorkQueue } from './work-queue.ts';

describe('WorkQueue', () => {
  it('gives a key once however often it was added', async () => {
    const queue = new WorkQueue({ clock: new ManualClock() });
    queue.add('a');
    queue.add('b');
    queue.add('a');

    expect([await queue.take(), await queue.take(), queue.length]).toEqual(['a', 'b', 0]);
  });

  it('gives a key again only after it is done', async () => {
    const queue = new WorkQueue({ clock: new ManualClock() });
    queue.add('a');
    await queue.take();
    queue.add('a');
    expect(queue.length).toBe(0);

    queue.done('a');

    expect(await queue.take()).toBe('a');
  });

  it('lets keys of a first list wait behind those that changed', async () => {
    const queue = new WorkQueue({ clock: new ManualClock() });
    queue.add('old-1', { priority: 'low' });
    queue.add('old-2', { priority: 'low' });
    queue.add('new');
    queue.add('old-2');

    expect([await queue.take(), await queue.take(), await queue.take()]).toEqual(['new', 'old-2', 'old-1']);
  });

  it('adds later, at the earliest of the times asked for', async () => {
    const clock = new ManualClock();
    const queue = new WorkQueue({ clock });
    queue.addAfter('a', 1_000);
    queue.addAfter('a', 100);
    queue.addAfter('a', 5_000);

    await clock.advance(99);
    expect(queue.length).toBe(0);
    await clock.advance(1);
    expect(queue.length).toBe(1);
    expect(clock.pending).toBe(0);
  });

  it('backs off by failures and starts anew after a success', async () => {
    const clock = new ManualClock();
    const queue = new WorkQueue({ clock });
    const waits: number[] = [];
    for (let failure = 0; failure < 4; failure += 1) {
      queue.addRateLimited('a');
      const startMs = clock.now();
      while (queue.length === 0) await clock.advance(1);
      waits.push(clock.now() - startMs);
      queue.done((await queue.take()) ?? '');
    }
    queue.forget('a');

    expect(waits).toEqual([5, 10, 20, 40]);
    expect(queue.failures('a')).toBe(0);
  });

  it('wakes those who wait when it is shut down', async () => {
    const queue = new WorkQueue({ clock: new ManualClock() });
    const taken = [queue.take(), queue.take()];
    queue.shutDown();
    queue.add('late');

    expect(await Promise.all(taken)).toEqual([undefined, undefined]);
    expect(queue.length).toBe(0);
  });

  it('never gives a key to two workers, and loses none', async () => {
    const operation = fc.record({ what: fc.constantFrom('add', 'take', 'done'), key: fc.constantFrom('a', 'b', 'c') });
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 60 }), async (operations) => {
        const queue = new WorkQueue({ clock: new ManualClock() });
        const working = new Set<string>();
        const owed = new Set<string>();
        for (const { what, key } of operations) {
          if (what === 'add') {
            queue.add(key);
            owed.add(key);
          } else if (what === 'take' && queue.length > 0) {
            const taken = (await queue.take()) ?? '';
            expect(working.has(taken)).toBe(false);
            working.add(taken);
            owed.delete(taken);
          } else if (what === 'done' && working.delete(key)) queue.done(key);
        }
        for (const key of working) queue.done(key);
        const left: string[] = [];
        while (queue.length > 0) left.push((await queue.take()) ?? '');
        expect(left.sort()).toEqual([...owed].sort());
      }),
    );
  });
});
