import { eventually, ManualClock } from '@keelson/base/testing';
import { describe, expect, it } from 'vitest';
import { isReason, type Clock } from '@keelson/base';
import { chunks, expectReason, put, show, showCommits, type Harness, type TimeToLive } from './harness.ts';

function clockOf({ clock }: TimeToLive): { readonly clock?: Clock } {
  return clock ? { clock } : {};
}

/** What happens by itself as time goes by. */
export function describeTime(harness: Harness): void {
  describe('time to live', () => {
    it('deletes a key once its time has passed, and tells watchers', async () => {
      const time = harness.timeToLive();
      const store = await harness.open(clockOf(time));
      const watch = harness.record(store, '', 2);
      await store.commit([put('/a', '1', time.seconds(60)), put('/b', '1')]);

      await time.pass(58_000);
      const before = await store.get('/a');
      await time.pass(5_000);
      await eventually(async () => (await store.get('/a')) === undefined);
      await eventually(() => watch.commits.length > 0);

      expect(show(before)).toBe('/a=1 @2 ^2');
      expect(showCommits(watch.commits)).toEqual([['delete /a @3 was /a=1 @2 ^2']]);
      expect(show(await store.get('/b'))).toBe('/b=1 @2 ^2');
    });

    it('counts from the last write, and not at all if that gave no time', async () => {
      const time = harness.timeToLive();
      const store = await harness.open(clockOf(time));
      // Long enough that none ends before it is written again, on a slow server.
      const [short, long] = [time.seconds(120), time.seconds(900)];
      await store.commit([put('/longer', '1', short), put('/shorter', '1', long), put('/kept', '1', short)]);
      await time.pass(10_000);
      await store.commit([put('/longer', '2', long), put('/shorter', '2', time.seconds(30)), put('/kept', '2')]);
      await store.commit([put('/marker', '1', short)]);

      await time.pass(125_000);
      await eventually(async () => (await store.range('')).entries.length === 2);

      expect((await store.range('')).entries.map(show)).toEqual(['/kept=2 @3 ^2', '/longer=2 @3 ^2']);
    });

    it('deletes thousands of keys that expire together', async () => {
      const time = harness.timeToLive();
      const store = await harness.open(clockOf(time));
      const writes = Array.from({ length: 1500 }, (_, i) => put(`/e/${i}`, '', time.seconds(120)));
      // All before the first of them ends.
      await Promise.all(chunks(writes).map((each) => store.commit(each)));

      await time.pass(125_000);
      await eventually(async () => {
        await time.pass(1000);
        return (await store.range('')).entries.length === 0;
      });

      expect((await store.range('', { at: 16 })).entries).toHaveLength(1500);
    });
  });

  describe('history', () => {
    it('is forgotten once it is old enough, and not before', async () => {
      const clock = new ManualClock();
      const store = await harness.open({ clock, historyMs: 100_000 });
      await store.commit([put('/a', '1')]);
      await clock.advance(60_000);
      await store.commit([put('/a', '2')]);
      await store.commit([put('/a', '3')]);

      await clock.advance(60_000);
      await eventually(() =>
        store.get('/a', 1).then(
          () => false,
          (error: unknown) => isReason(error, 'Expired'),
        ),
      );
      const kept = await store.get('/a', 3);
      await clock.advance(60_000);
      await eventually(() =>
        store.get('/a', 3).then(
          () => false,
          (error: unknown) => isReason(error, 'Expired'),
        ),
      );

      expect(show(kept)).toBe('/a=2 @3 ^2');
      expect(show(await store.get('/a', 4))).toBe('/a=3 @4 ^2');
      await expectReason(store.range('', { at: 3 }), 'Expired');
    });
  });
}

/** What a durable store finds when it is opened again. */
export function describeReopening(harness: Harness): void {
  describe('opened again', () => {
    it('has everything, with its history', async () => {
      const place = await harness.place();
      const first = await harness.open({ place });
      await first.commit([put('/a', '1'), put('/b', '1')]);
      await first.commit([put('/a', '2')]);
      await first.compact(2);
      await harness.close(first);

      const second = await harness.open({ place });
      const replay = harness.record(second, '', 2);
      await eventually(() => replay.commits.length === 1);

      expect(await second.revision()).toBe(3);
      expect((await second.range('')).entries.map(show)).toEqual(['/a=2 @3 ^2', '/b=1 @2 ^2']);
      expect(show(await second.get('/a', 2))).toBe('/a=1 @2 ^2');
      expect(showCommits(replay.commits)).toEqual([['put /a=2 @3 ^2 was /a=1 @2 ^2']]);
      await expectReason(second.get('/a', 1), 'Expired');
      expect(await second.commit([put('/c', '1')])).toBe(4);
    });

    it('still lets keys expire', async () => {
      const time = harness.timeToLive();
      const place = await harness.place();
      const first = await harness.open({ place, ...clockOf(time) });
      await first.commit([put('/a', '1', time.seconds(60))]);
      await harness.close(first);

      const second = await harness.open({ place, ...clockOf(time) });
      await time.pass(63_000);
      await eventually(async () => (await second.get('/a')) === undefined);

      expect(await second.revision()).toBe(3);
    });
  });
}
