import type { StoreEvent } from '@keelson/store';
import { describe, expect, it } from 'vitest';
import { RecentCommits } from './recent-commits.ts';

function commit(revision: number, key: string, bytes = 1): { revision: number; events: StoreEvent[] } {
  return { revision, events: [{ type: 'put', entry: { key, value: Buffer.alloc(bytes), revision, createRevision: revision } }] };
}

describe('RecentCommits', () => {
  it('gives what was committed after a revision, cut down to a prefix', () => {
    const recent = new RecentCommits(10);
    for (const [i, key] of ['/a/1', '/b/1', '/a/2'].entries()) recent.add(commit(11 + i, key));

    const revisions = (after: number, upTo: number) => recent.read('/a/', after, upTo)?.commits.map(({ revision }) => revision);

    expect([revisions(10, 13), revisions(11, 13), revisions(10, 12), revisions(13, 13), revisions(9, 13)]).toEqual([
      [11, 13],
      [13],
      [11],
      [],
      undefined,
    ]);
  });

  it('gives long stretches in pieces', () => {
    const recent = new RecentCommits(0);
    for (let i = 1; i <= 2000; i++) recent.add(commit(i, '/a'));
    const seen: number[] = [];

    for (let after = 0; after < 1990;) {
      const piece = recent.read('/', after, 1990);
      seen.push(...(piece?.commits.map(({ revision }) => revision) ?? []));
      after = piece?.through ?? Infinity;
    }

    expect(seen).toEqual(Array.from({ length: 1990 }, (_, i) => i + 1));
  });

  it.each([
    { title: 'many', count: 30_000, bytes: 1, atLeast: 8_000, atMost: 8_192 },
    { title: 'large', count: 100, bytes: 1024 * 1024, atLeast: 15, atMost: 16 },
  ])('forgets the oldest when they are $title', ({ count, bytes, atLeast, atMost }) => {
    const recent = new RecentCommits(0);
    for (let i = 1; i <= count; i++) recent.add(commit(i, '/a', bytes));

    const kept = count - recent.since;

    expect(kept).toBeGreaterThanOrEqual(atLeast);
    expect(kept).toBeLessThanOrEqual(atMost);
    expect(recent.read('/', recent.since, count)?.commits[0]?.revision).toBe(recent.since + 1);
  });
});
