import { describe, expect, it } from 'vitest';
import { formatIndexes, parseIndexes } from './indexes.ts';

describe('indexes', () => {
  it.each([
    { indexes: [], text: '' },
    { indexes: [0], text: '0' },
    { indexes: [2, 1], text: '1,2' },
    { indexes: [1, 3, 4, 5, 7], text: '1,3-5,7' },
  ])('writes and reads "$text"', ({ indexes, text }) => {
    expect(formatIndexes(indexes)).toBe(text);
    expect(parseIndexes(text, 10)).toEqual(new Set(indexes));
  });

  it('leaves out what is beyond the limit, and what is no index', () => {
    expect(parseIndexes('0-100,x,200', 3)).toEqual(new Set([0, 1, 2]));
  });
});
