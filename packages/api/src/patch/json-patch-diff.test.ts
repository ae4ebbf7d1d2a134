import fc from 'fast-check';
import { expect, it } from 'vitest';
import { applyJsonPatch } from './json-patch.ts';
import { createJsonPatch } from './json-patch-diff.ts';

it('says what has changed, in paths whose keys are escaped', () => {
  const before = { metadata: { labels: { 'a/b': '1', 'c~d': '2' } }, list: [1, 2, 3], gone: true };
  const after = { metadata: { labels: { 'a/b': '1', 'c~d': '3' } }, list: [1, 4], new: { x: 1 } };

  expect(createJsonPatch(before, after)).toEqual([
    { op: 'remove', path: '/gone' },
    { op: 'replace', path: '/metadata/labels/c~0d', value: '3' },
    { op: 'replace', path: '/list/1', value: 4 },
    { op: 'remove', path: '/list/2' },
    { op: 'add', path: '/new', value: { x: 1 } },
  ]);
});

it('makes any value of any other', () => {
  const object = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }));

  fc.assert(
    fc.property(object, object, (before, after) => {
      expect(applyJsonPatch(before, createJsonPatch(before, after))).toEqual(after);
    }),
  );
});

it('is empty for equal values', () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => createJsonPatch(value, structuredClone(value)).length === 0));
});
