import { expect, it } from 'vitest';
import { remembering } from './remembering.ts';

it('gives the same result again without making it', () => {
  let calls = 0;
  const length = remembering((text) => ({ length: text.length, call: (calls += 1) }));

  expect(length('abc')).toBe(length('abc'));
  expect(length('abc')).toEqual({ length: 3, call: 1 });
});

it('forgets instead of growing, and never keeps a long text', () => {
  let calls = 0;
  const count = remembering(() => (calls += 1));
  const long = 'x'.repeat(10_000);

  for (let at = 0; at < 10_000; at += 1) count(`text ${at}`);
  count('text 0');
  count(long);
  count(long);

  expect(calls).toBe(10_003);
});
