import { describe, expect, it } from 'vitest';
import { PageCounts } from './page-counts.ts';

describe('PageCounts', () => {
  it('knows a count at its place alone', () => {
    const counts = new PageCounts();

    counts.note({ prefix: '/a', after: '/a/1', at: 5 }, 7);

    expect(counts.behind({ prefix: '/a', after: '/a/1', at: 5 })).toBe(7);
    expect(counts.behind({ prefix: '/a', after: '/a/2', at: 5 })).toBeUndefined();
    expect(counts.behind({ prefix: '/a', at: 5 })).toBeUndefined();
    expect(counts.behind({ prefix: '/', after: '/a/1', at: 5 })).toBeUndefined();
    expect(counts.behind({ prefix: '/a', after: '/a/1', at: 6 })).toBeUndefined();
  });

  it('forgets what was noted first', () => {
    const counts = new PageCounts();
    const places = Array.from({ length: 257 }, (_, at) => ({ prefix: '/a', at }));

    for (const place of places) counts.note(place, 1);

    expect(places.filter((place) => counts.behind(place) === undefined)).toEqual([places[0]]);
  });
});
