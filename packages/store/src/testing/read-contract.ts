import { describe, expect, it } from 'vitest';
import { chunks, del, expectReason, put, show, type Harness } from './harness.ts';

/** `get`, `range` and `compact`. */
export function describeReads(harness: Harness): void {
  describe('get', () => {
    it('gives what there was right after a commit', async () => {
      const store = await harness.open();
      await store.commit([put('/a', '1')]);
      await store.commit([put('/b', '1')]);
      await store.commit([put('/a', '2')]);
      await store.commit([del('/a')]);
      await store.commit([put('/a', '3')]);

      const seen = await Promise.all([1, 2, 3, 4, 5, 6].map((at) => store.get('/a', at)));

      expect(seen.map(show)).toEqual([undefined, '/a=1 @2 ^2', '/a=1 @2 ^2', '/a=2 @4 ^2', undefined, '/a=3 @6 ^6']);
    });

    it('refuses a revision of the future and one that is none', async () => {
      const store = await harness.open();

      await expectReason(store.get('/a', 2), 'Timeout');
      await expectReason(store.range('/a', { at: 2 }), 'Timeout');
      await expectReason(store.get('/a', 1.5), 'BadRequest');
      await expectReason(store.range('/a', { at: -1 }), 'BadRequest');
    });
  });

  describe('range', () => {
    it('orders keys by their bytes', async () => {
      const store = await harness.open();
      const keys = ['/a', '/a!', '/a/', '/a/b', '/a/é', '/a/\ufffd', '/a/\u{10000}', '/a/\u{10ffff}', '/b'];
      for (const key of keys.toReversed()) await store.commit([put(key, '')]);

      const all = await store.range('');
      const some = await store.range('/a/');

      expect(all.entries.map(({ key }) => key)).toEqual(keys);
      expect(some.entries.map(({ key }) => key)).toEqual(keys.slice(2, 8));
    });

    it('gives nothing for a prefix that no key has', async () => {
      const store = await harness.open();
      await store.commit([put('/a', '1')]);

      expect(await store.range('/b')).toEqual({ entries: [], revision: 2, more: false, remaining: 0 });
    });

    it('pages through one snapshot while others write', async () => {
      const store = await harness.open();
      const keys = Array.from({ length: 10 }, (_, i) => `/p/${i}`);
      await store.commit(keys.map((key) => put(key, 'old')));

      const first = await store.range('/p/', { limit: 4 });
      await store.commit([put('/p/00', 'new'), put('/p/5', 'new'), del('/p/6'), put('/p/91', 'new')]);
      const second = await store.range('/p/', { after: '/p/3', limit: 4, at: first.revision });
      const third = await store.range('/p/', { after: '/p/7', limit: 4, at: first.revision });

      expect([first, second, third].flatMap(({ entries }) => entries.map(show))).toEqual(keys.map((key) => `${key}=old @2 ^2`));
      expect([first, second, third].map(({ more, remaining, revision }) => [more, remaining, revision])).toEqual([
        [true, 6, 2],
        [true, 2, 2],
        [false, 0, 2],
      ]);
    });

    it.each([
      { title: 'before the prefix', after: '/', limit: 2, keys: ['/p/a', '/p/b'], remaining: 1 },
      { title: 'the prefix itself', after: '/p/', limit: 2, keys: ['/p/a', '/p/b'], remaining: 1 },
      { title: 'a key between', after: '/p/aa', limit: 9, keys: ['/p/b', '/p/c'], remaining: 0 },
      { title: 'the last key', after: '/p/c', limit: 9, keys: [], remaining: 0 },
      { title: 'behind the prefix', after: '/z', limit: 9, keys: [], remaining: 0 },
      { title: 'a key, with no room', after: '/p/a', limit: 0, keys: [], remaining: 2 },
    ])('starts behind $title', async ({ after, limit, keys, remaining }) => {
      const store = await harness.open();
      await store.commit(['/o', '/p/a', '/p/b', '/p/c', '/q'].map((key) => put(key, '')));
      await store.commit([put('/p/a', 'changed')]);

      const newest = await store.range('/p/', { after, limit });
      const old = await store.range('/p/', { after, limit, at: 2 });

      for (const result of [newest, old]) {
        expect(result.entries.map(({ key }) => key)).toEqual(keys);
        expect(result).toMatchObject({ remaining, more: remaining > 0 });
      }
    });

    it('reads thousands of entries as one snapshot', async () => {
      const store = await harness.open();
      const keys = Array.from({ length: 5000 }, (_, i) => `/p/${String(i).padStart(5, '0')}`);
      for (const each of chunks(keys)) await store.commit(each.map((key) => put(key, 'x')));

      const reading = store.range('/p/');
      const writing = store.commit([put('/p/00000', 'y'), del('/p/04999')]);
      const { entries, revision } = await reading;
      await writing;

      const [before, after] = [entries.slice(1, 4999), await store.range('/p/')];
      expect(before.map(show)).toEqual(after.entries.slice(1).map(show));
      // Whichever came first: both writes are there, or none.
      expect([revision, show(entries[0]), entries.length]).toEqual(
        revision === 51 ? [51, '/p/00000=x @2 ^2', 5000] : [52, '/p/00000=y @52 ^2', 4999],
      );
    });
  });

  describe('compact', () => {
    it('forgets older states, and keeps that of the revision itself and all after it', async () => {
      const store = await harness.open();
      await store.commit([put('/a', '1'), put('/b', '1')]);
      await store.commit([put('/a', '2')]);
      await store.commit([del('/b')]);
      await store.commit([put('/a', '3')]);

      await store.compact(3);

      await expectReason(store.get('/a', 2), 'Expired');
      await expectReason(store.range('/', { at: 2 }), 'Expired');
      expect((await store.range('/', { at: 3 })).entries.map(show)).toEqual(['/a=2 @3 ^2', '/b=1 @2 ^2']);
      expect((await store.range('/', { at: 4 })).entries.map(show)).toEqual(['/a=2 @3 ^2']);
      expect((await store.range('/')).entries.map(show)).toEqual(['/a=3 @5 ^2']);
    });

    it('may go up to the newest revision, and back has no effect', async () => {
      const store = await harness.open();
      await store.commit([put('/a', '1')]);
      await store.commit([put('/a', '2')]);

      await store.compact(3);
      await store.compact(2);

      expect(show(await store.get('/a', 3))).toBe('/a=2 @3 ^2');
      await expectReason(store.get('/a', 2), 'Expired');
      await expectReason(store.compact(4), 'Timeout');
    });

    it('leaves many keys as they are', async () => {
      const store = await harness.open();
      for (let i = 0; i < 600; i++) await store.commit([put(`/k/${i % 50}`, `${i}`)]);
      const before = (await store.range('')).entries.map(show);

      await store.compact(601);

      expect((await store.range('')).entries.map(show)).toEqual(before);
      expect(before).toHaveLength(50);
    });
  });
}
