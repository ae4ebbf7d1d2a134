import { cloneJson, deepFreeze } from '@keelson/api';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';

it('copies any JSON value', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(cloneJson(value)).toEqual(value);
    }),
  );
});

it('shares nothing with a frozen original, and keeps large integers', () => {
  const original = deepFreeze({ a: { b: [1, { c: 2n ** 60n }] } });

  const copy = cloneJson(original) as { a: { b: unknown[] } };
  copy.a.b.push('new');

  expect(original.a.b).toHaveLength(2);
  expect(copy.a.b).toEqual([1, { c: 2n ** 60n }, 'new']);
});

it('keeps a key __proto__ a key', () => {
  const copy = cloneJson(JSON.parse('{"__proto__":{"polluted":true}}') as object);

  expect(Object.keys(copy)).toEqual(['__proto__']);
  expect((copy as { polluted?: boolean }).polluted).toBeUndefined();
});
