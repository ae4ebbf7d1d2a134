import { describe, expect, it } from 'vitest';
import { bytes, del, expectReason, put, show, showCommits, type Harness } from './harness.ts';

/** `commit`, `revision` and what is refused. */
export function describeCommits(harness: Harness): void {
  describe('commit', () => {
    it('starts at revision 1 and grows by one with each commit', async () => {
      const store = await harness.open();

      const before = await store.revision();
      const first = await store.commit([put('/a', '1')]);
      const second = await store.commit([put('/b', '1'), put('/c', '1')]);

      expect([before, first, second, await store.revision()]).toEqual([1, 2, 3, 3]);
    });

    it('keeps the revision since which a key exists until it is deleted', async () => {
      const store = await harness.open();
      await store.commit([put('/a', '1')]);
      await store.commit([put('/a', '2')]);
      const kept = await store.get('/a');

      await store.commit([del('/a')]);
      const gone = await store.get('/a');
      await store.commit([put('/a', '3')]);

      expect([show(kept), show(gone), show(await store.get('/a'))]).toEqual(['/a=2 @3 ^2', undefined, '/a=3 @5 ^5']);
    });

    it('does nothing for an empty commit or for deleting what is not there', async () => {
      const store = await harness.open();
      await store.commit([put('/a', '1')]);
      const watch = harness.record(store, '', 2);

      const revisions = [await store.commit([]), await store.commit([del('/b')])];

      expect(revisions).toEqual([2, 2]);
      expect(watch.commits).toEqual([]);
    });

    it('writes nothing if one guard does not hold', async () => {
      const store = await harness.open();
      await store.commit([put('/a', '1')]);
      const guards = [
        { key: '/a', revision: 2 },
        { key: '/b', revision: 1 },
      ];

      await expectReason(store.commit([put('/a', '2'), put('/b', '2')], guards), 'Conflict');

      expect((await store.range('')).entries.map(show)).toEqual(['/a=1 @2 ^2']);
      expect(await store.revision()).toBe(2);
    });

    it.each([
      { title: 'absent, expected absent', key: '/b', revision: 0, holds: true },
      { title: 'absent, expected present', key: '/b', revision: 2, holds: false },
      { title: 'deleted, expected absent', key: '/gone', revision: 0, holds: true },
      { title: 'deleted, expected its delete', key: '/gone', revision: 4, holds: false },
      { title: 'present, expected absent', key: '/a', revision: 0, holds: false },
      { title: 'present, expected its revision', key: '/a', revision: 2, holds: true },
      { title: 'present, expected an older revision', key: '/a', revision: 1, holds: false },
    ])('judges a guard: $title', async ({ key, revision, holds }) => {
      const store = await harness.open();
      await store.commit([put('/a', '1')]);
      await store.commit([put('/gone', '1')]);
      await store.commit([del('/gone')]);

      const outcome = await store.commit([put('/x', '1')], [{ key, revision }]).then(
        () => true,
        () => false,
      );

      expect(outcome).toBe(holds);
    });

    it('judges the guards of a commit without writes', async () => {
      const store = await harness.open();

      await expectReason(store.commit([], [{ key: '/a', revision: 7 }]), 'Conflict');

      expect(await store.commit([], [{ key: '/a', revision: 0 }])).toBe(1);
    });

    it('lets exactly one of many concurrent commits with the same guard through', async () => {
      const store = await harness.open();

      const attempts = Array.from({ length: 20 }, (_, i) => store.commit([put('/a', `${i}`)], [{ key: '/a', revision: 0 }]));
      const outcomes = await Promise.allSettled(attempts);

      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      expect(await store.revision()).toBe(2);
    });

    it('loses no increment of a counter that many writers share', async () => {
      const store = await harness.open();
      const increment = async (): Promise<void> => {
        for (;;) {
          const entry = await store.get('/counter');
          const next = Number(new TextDecoder().decode(entry?.value)) + 1;
          const guards = [{ key: '/counter', revision: entry?.revision ?? 0 }];
          const done = await store.commit([put('/counter', `${next}`)], guards).catch(() => 0);
          if (done > 0) return;
        }
      };

      await Promise.all(
        Array.from({ length: 8 }, async () => {
          for (let i = 0; i < 10; i++) await increment();
        }),
      );

      expect(show(await store.get('/counter'))).toBe('/counter=80 @81 ^2');
    });

    it('gives concurrent commits revisions of their own', async () => {
      const store = await harness.open();

      const revisions = await Promise.all(Array.from({ length: 50 }, (_, i) => store.commit([put('/k', `${i}`)])));
      const last = await store.get('/k');

      expect(revisions.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i + 2));
      expect(show(last)).toBe(`/k=${revisions.indexOf(51)} @51 ^2`);
    });

    // A server may overtake one request with another.
    if (!harness.remote) {
      it('gives concurrent commits their revisions in the order of the calls', async () => {
        const store = await harness.open();

        const revisions = await Promise.all(Array.from({ length: 50 }, (_, i) => store.commit([put(`/k${i % 7}`, `${i}`)])));

        expect(revisions).toEqual(Array.from({ length: 50 }, (_, i) => i + 2));
      });
    }

    it('takes a hundred writes and guards of 1 MiB in one commit', async () => {
      const store = await harness.open();
      const keys = Array.from({ length: 100 }, (_, i) => `/many/${i}`);
      const writes = keys.map((key) => put(key, 'x'.repeat(10_000)));

      const revision = await store.commit(
        writes,
        keys.map((key) => ({ key, revision: 0 })),
      );

      expect((await store.range('/many/')).entries.every((entry) => entry.revision === revision)).toBe(true);
    });

    it('takes keys of 1,024 bytes and empty values, and values of the largest size', async () => {
      const store = await harness.open({ maxValueBytes: 100_000 });
      const long = `/${'é'.repeat(511)}k`;
      const large = new Uint8Array(100_000).fill(7);

      await store.commit([put(long, ''), { type: 'put', key: '/large', value: large }]);

      expect((await store.get(long))?.value.length).toBe(0);
      expect(Buffer.compare((await store.get('/large'))?.value ?? bytes(''), large)).toBe(0);
    });

    it('refuses keys and values that are too long, and keeps nothing of such a commit', async () => {
      const store = await harness.open({ maxValueBytes: 10 });

      await expectReason(store.commit([put('/a', '1'), put(`/${'k'.repeat(1024)}`, '1')]), 'RequestEntityTooLarge');
      await expectReason(store.commit([put('/a', '1'), put('/b', '12345678901')]), 'RequestEntityTooLarge');

      expect(await store.revision()).toBe(1);
    });

    it.each([
      { title: 'a key that is written twice', writes: [put('/a', '1'), del('/a')] },
      { title: 'an empty key', writes: [put('', '1')] },
      { title: 'a key with a NUL', writes: [put('/a\0', '1')] },
      { title: 'a key that is not well-formed', writes: [put('/\ud800', '1')] },
      { title: 'a time to live of 0', writes: [put('/a', '1', 0)] },
    ])('refuses $title', async ({ writes }) => {
      const store = await harness.open();

      await expectReason(store.commit(writes), 'BadRequest');

      expect(await store.revision()).toBe(1);
    });

    it('shows a commit to every read that is called after it has resolved', async () => {
      const store = await harness.open();

      for (let i = 0; i < 30; i++) {
        const revision = await store.commit([put('/a', `${i}`)]);
        expect(await store.revision()).toBe(revision);
        expect((await store.get('/a'))?.revision).toBe(revision);
        expect((await store.range('/')).revision).toBe(revision);
      }
    });

    it('hands out bytes that stay as they are', async () => {
      const store = await harness.open();
      await store.commit([put('/a', 'first')]);
      const watch = harness.record(store, '', 2);
      const entry = await store.get('/a');
      const [listed] = (await store.range('/a')).entries;

      for (let i = 0; i < 20; i++) await store.commit([put('/a', `later ${i}`)]);

      expect([show(entry), show(listed)]).toEqual(['/a=first @2 ^2', '/a=first @2 ^2']);
      expect(showCommits(watch.commits.slice(0, 1))).toEqual([['put /a=later 0 @3 ^2 was /a=first @2 ^2']]);
    });
  });
}
