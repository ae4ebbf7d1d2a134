import { ManualClock } from '@keelson/base/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DelayQueue } from './delay-queue.ts';
import { BucketRateLimiter } from './rate-limiter.ts';
import { LOW_PRIORITY, WorkQueue } from './work-queue.ts';

describe('WorkQueue', () => {
  it('gives a key once however often it was added', async () => {
    const queue = new WorkQueue<string>({ clock: new ManualClock() });
    queue.add('a');
    queue.add('b');
    queue.add('a');

    expect([await queue.take(), await queue.take(), queue.length]).toEqual(['a', 'b', 0]);
  });

  it('gives a key again only after it is done', async () => {
    const queue = new WorkQueue<string>({ clock: new ManualClock() });
    queue.add('a');
    await queue.take();
    queue.add('a');
    expect(queue.length).toBe(0);

    queue.done('a');

    expect(await queue.take()).toBe('a');
  });

  it('lets keys of a first list wait behind those that changed', async () => {
    const queue = new WorkQueue<string>({ clock: new ManualClock() });
    queue.add('old-1', { priority: LOW_PRIORITY });
    queue.add('old-2', { priority: LOW_PRIORITY });
    queue.add('new');
    queue.add('old-2');

    expect([await queue.take(), await queue.take(), await queue.take()]).toEqual(['new', 'old-2', 'old-1']);
  });

  it('adds later, at the earliest of the times asked for', async () => {
    const clock = new ManualClock();
    const queue = new WorkQueue<string>({ clock });
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
    const queue = new WorkQueue<string>({ clock });
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
    const queue = new WorkQueue<string>({ clock: new ManualClock() });
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
        const queue = new WorkQueue<string>({ clock: new ManualClock() });
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

  it('holds one timer however many items wait for their time', async () => {
    const clock = new ManualClock();
    const queue = new WorkQueue<string>({ clock });
    for (let item = 0; item < 1_000; item += 1) queue.addAfter(`item-${item}`, 1_000 - item);

    expect(clock.pending).toBe(1);
    await clock.advance(1_000);
    expect([queue.length, clock.pending]).toEqual([1_000, 0]);
  });

  it('hands delayed items over at the earliest of their times, in order', async () => {
    const additions = fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd'), delayMs: fc.integer({ min: 1, max: 50 }) }));
    await fc.assert(
      fc.asyncProperty(additions, async (all) => {
        const clock = new ManualClock();
        const [startMs, due] = [clock.monotonic(), [] as [string, number][]];
        const delays = new DelayQueue<string>(clock, (item) => void due.push([item, clock.monotonic() - startMs]));
        const earliest = new Map<string, number>();
        for (const { key, delayMs } of all) {
          delays.add(key, key, delayMs);
          earliest.set(key, Math.min(delayMs, earliest.get(key) ?? delayMs));
        }
        await clock.advance(60);

        expect(new Map(due)).toEqual(earliest);
        expect(due.map(([, atMs]) => atMs)).toEqual([...earliest.values()].sort((a, b) => a - b));
        expect([due.length, clock.pending, delays.size]).toEqual([earliest.size, 0, 0]);
      }),
      { numRuns: 30 },
    );
  });

  it('keeps the higher of two priorities', async () => {
    const queue = new WorkQueue<string>({ clock: new ManualClock() });
    queue.add('a', { priority: 1 });
    queue.add('b', { priority: 5 });
    queue.add('c', { priority: 5 });
    queue.add('b', { priority: LOW_PRIORITY });

    expect([await queue.take(), await queue.take(), await queue.take()]).toEqual(['b', 'c', 'a']);
  });

  it('stops waiting when the signal aborts, and the item goes to another taker', async () => {
    const queue = new WorkQueue<string>({ clock: new ManualClock() });
    const gaveUp = new AbortController();
    const first = queue.take(gaveUp.signal);
    const second = queue.take();
    queue.add('a');
    gaveUp.abort(new Error('enough'));

    await expect(first).rejects.toThrow('enough');
    expect(await second).toBe('a');
  });

  it('lets a hundred items come back at once and then ten a second', () => {
    const limiter = new BucketRateLimiter(new ManualClock());
    const waits = Array.from({ length: 103 }, () => limiter.next());

    expect(waits.slice(98)).toEqual([0, 0, 100, 200, 300]);
  });

  it('keeps items of any shape apart by their key', async () => {
    const queue = new WorkQueue<{ name: string }>({ clock: new ManualClock(), key: ({ name }) => name });
    queue.add({ name: 'a' });
    queue.add({ name: 'a' });
    queue.add({ name: 'b' });

    expect([await queue.take(), await queue.take(), queue.length]).toEqual([{ name: 'a' }, { name: 'b' }, 0]);
  });
});
