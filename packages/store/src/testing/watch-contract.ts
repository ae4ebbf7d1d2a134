import { eventually } from '@keelson/base/testing';
import { describe, expect, it } from 'vitest';
import type { Revision } from '../store.ts';
import { del, expectReason, put, showCommits, type Harness } from './harness.ts';

/** `watch` and `progress$`. */
export function describeWatches(harness: Harness): void {
  describe('watch', () => {
    it('gives each commit under the prefix as one array, with what was there before', async () => {
      const store = await harness.open();
      const watch = harness.record(store, '/a/', 1);

      await store.commit([put('/a/1', 'x'), put('/b/1', 'x'), put('/a/2', 'x')]);
      await store.commit([put('/b/1', 'y')]);
      await store.commit([put('/a/1', 'y'), del('/a/2')]);

      expect(showCommits(watch.commits)).toEqual([
        ['put /a/1=x @2 ^2', 'put /a/2=x @2 ^2'],
        ['put /a/1=y @4 ^2 was /a/1=x @2 ^2', 'delete /a/2 @4 was /a/2=x @2 ^2'],
      ]);
    });

    it('has given a commit before the commit resolves', async () => {
      const store = await harness.open();
      const watch = harness.record(store, '', 1);

      await store.commit([put('/a', '1')]);

      expect(watch.commits).toHaveLength(1);
    });

    it('replays what came after the revision, then goes on', async () => {
      const store = await harness.open();
      for (let i = 0; i < 5; i++) await store.commit([put('/a', `${i}`)]);

      const watch = harness.record(store, '/a', 4);
      await eventually(() => watch.commits.length === 2);
      await store.commit([del('/a')]);

      expect(showCommits(watch.commits)).toEqual([
        ['put /a=3 @5 ^2 was /a=2 @4 ^2'],
        ['put /a=4 @6 ^2 was /a=3 @5 ^2'],
        ['delete /a @7 was /a=4 @6 ^2'],
      ]);
    });

    it('replays the same as it gave live', async () => {
      const store = await harness.open();
      const live = harness.record(store, '', 0);
      await store.commit([put('/a', '1'), put('/b', '1')]);
      await store.commit([del('/a'), put('/b', '2')]);
      await store.commit([put('/a', '2')]);
      await store.commit([put('/a', '3'), del('/b')]);
      await eventually(() => live.commits.length === 4);

      const replay = harness.record(store, '', 0);
      await eventually(() => replay.commits.length === 4);

      expect(showCommits(replay.commits)).toEqual(showCommits(live.commits));
    });

    it('misses nothing and doubles nothing, whenever it starts while others write', async () => {
      const store = await harness.open();
      const total = 200;
      const watches: { after: Revision; watch: ReturnType<Harness['record']> }[] = [];
      const start = (after: Revision): void => void watches.push({ after, watch: harness.record(store, '/w/', after) });

      await Promise.all(
        Array.from({ length: 8 }, async (_, writer) => {
          for (let i = 0; i < total / 8; i++) {
            const revision = await store.commit([put(`/w/${writer}`, `${i}`)]);
            if (i % 5 === 0) start(Math.max(1, revision - i));
            if (i % 7 === 0) start(revision);
          }
        }),
      );
      await eventually(() =>
        watches.every(({ watch }) => watch.commits.at(-1)?.[0]?.type === 'put' && lastRevision(watch) === total + 1),
      );

      for (const { after, watch } of watches) {
        const revisions = watch.commits.map((events) => (events[0]?.type === 'put' ? events[0].entry.revision : 0));
        expect(revisions).toEqual(Array.from({ length: total + 1 - after }, (_, i) => after + 1 + i));
      }
    });

    it('waits for a revision of the future', async () => {
      const store = await harness.open();
      const watch = harness.record(store, '', 3);

      for (let i = 0; i < 4; i++) await store.commit([put('/a', `${i}`)]);

      expect(showCommits(watch.commits)).toEqual([['put /a=2 @4 ^2 was /a=1 @3 ^2'], ['put /a=3 @5 ^2 was /a=2 @4 ^2']]);
    });

    it('follows prefixes that end anywhere', async () => {
      const store = await harness.open();
      const prefixes = ['', '/', '/p', '/p/', '/p/a', '/p/ab', '/p/ab/c', '/q'];
      const watches = prefixes.map((prefix) => harness.record(store, prefix, 1));

      for (const key of ['/p/ab', '/p/ab/c', '/p/b', '/px', '/']) await store.commit([put(key, '')]);

      expect(watches.map(({ commits }) => commits.length)).toEqual([5, 5, 4, 3, 2, 2, 1, 0]);
    });

    it('ends when unsubscribed, also within an event', async () => {
      const store = await harness.open();
      const other = harness.record(store, '', 1);
      let seen = 0;
      const subscription = store.watch('', 1).subscribe(() => {
        seen += 1;
        subscription.unsubscribe();
      });

      await store.commit([put('/a', '1')]);
      await store.commit([put('/a', '2')]);

      expect([seen, other.commits.length]).toEqual([1, 2]);
    });

    it('keeps the order for all if a watcher writes while it is called', async () => {
      const store = await harness.open();
      const writes: Promise<Revision>[] = [];
      const subscription = store.watch('/a', 1).subscribe(() => writes.push(store.commit([put('/b', 'echo')])));
      const watch = harness.record(store, '', 1);

      await store.commit([put('/a', '1')]);
      await eventually(() => watch.commits.length === 2);
      await Promise.all(writes);
      subscription.unsubscribe();

      expect(showCommits(watch.commits)).toEqual([['put /a=1 @2 ^2'], ['put /b=echo @3 ^3']]);
    });

    it('errors with Expired if its start is compacted away, and goes on if it is not', async () => {
      const store = await harness.open();
      for (let i = 0; i < 4; i++) await store.commit([put('/a', `${i}`)]);
      const live = harness.record(store, '', 5);
      await store.compact(3);

      const tooOld = harness.record(store, '', 2);
      const oldest = harness.record(store, '', 3);
      await eventually(() => tooOld.error !== undefined && oldest.commits.length === 2);
      await store.commit([put('/a', '4')]);

      expect(tooOld).toMatchObject({ error: { reason: 'Expired' }, commits: [] });
      expect([live.commits.length, oldest.commits.length]).toEqual([1, 3]);
    });

    it('errors with Expired if it is too far behind', async () => {
      const store = await harness.open({ maxWatchLag: 5 });
      for (let i = 0; i < 10; i++) await store.commit([put('/a', `${i}`)]);

      const tooFar = harness.record(store, '', 5);
      const near = harness.record(store, '', 6);
      await eventually(() => tooFar.error !== undefined && near.commits.length === 5);

      expect(tooFar).toMatchObject({ error: { reason: 'Expired' }, commits: [] });
    });
  });

  describe('progress$', () => {
    it('gives the newest revision at once, and each that is reached after its events', async () => {
      const store = await harness.open();
      await store.commit([put('/a', '1')]);
      const log: string[] = [];
      const events = store.watch('', 2).subscribe(() => log.push('event'));
      const progress = store.progress$.subscribe((revision) => log.push(`${revision}`));

      await store.commit([put('/a', '2')]);
      await store.commit([put('/a', '3')]);
      events.unsubscribe();
      progress.unsubscribe();

      expect(log).toEqual(['2', 'event', '3', 'event', '4']);
    });

    it('does not run ahead of a watch that replays', async () => {
      const store = await harness.open();
      for (let i = 0; i < 10; i++) await store.commit([put('/a', `${i}`)]);
      const watch = harness.record(store, '', 3);
      const ahead: Revision[] = [];
      const reached: Revision[] = [];
      const progress = store.progress$.subscribe((revision) => {
        reached.push(revision);
        if (revision > Math.max(3, lastRevision(watch))) ahead.push(revision);
      });

      await eventually(() => reached.at(-1) === 11);
      progress.unsubscribe();

      expect(ahead).toEqual([]);
      expect(lastRevision(watch)).toBe(11);
    });
  });

  describe('close', () => {
    it('completes watches, and refuses everything after', async () => {
      const store = await harness.open();
      await store.commit([put('/a', '1')]);
      const live = harness.record(store, '', 2);
      let progressCompleted = false;
      store.progress$.subscribe({ complete: () => (progressCompleted = true) });

      await harness.close(store);
      await store.close();
      const late = harness.record(store, '', 2);

      expect([live.completed, progressCompleted]).toEqual([true, true]);
      expect(late.error).toMatchObject({ reason: 'ServiceUnavailable' });
      await expectReason(store.revision(), 'ServiceUnavailable');
      await expectReason(store.get('/a'), 'ServiceUnavailable');
      await expectReason(store.range(''), 'ServiceUnavailable');
      await expectReason(store.commit([put('/a', '2')]), 'ServiceUnavailable');
      await expectReason(store.compact(1), 'ServiceUnavailable');
    });

    it('waits for commits under way', async () => {
      const store = await harness.open();
      const commits = Array.from({ length: 10 }, (_, i) => store.commit([put('/a', `${i}`)]));

      await harness.close(store);

      expect(await Promise.all(commits)).toHaveLength(10);
    });
  });
}

function lastRevision({ commits }: ReturnType<Harness['record']>): Revision {
  const event = commits.at(-1)?.[0];
  if (!event) return 0;
  return event.type === 'put' ? event.entry.revision : event.revision;
}
