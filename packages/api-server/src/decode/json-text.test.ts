import { parseJsonStrict } from '@keelson/api';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseText, parseTextStrict } from './json-text.ts';

describe('JSON text', () => {
  it.each([
    { text: '{"a":1,"a":2}', duplicates: ['a'] },
    { text: '{"a":{"b":1,"b":2},"c":[{"d":1},{"d":1,"d":2}]}', duplicates: ['a.b', 'c[1].d'] },
    { text: '{"a\\"b":1,"a\\"b":2}', duplicates: ['a"b'] },
    { text: '{"a":1,"\\u0061":2}', duplicates: ['a'] },
    { text: '{"a" : ":", "b": "\\\\", "c\\\\" :1}', duplicates: [] },
    { text: '{"__proto__":1,"__proto__":2}', duplicates: ['__proto__'] },
    { text: '"a"', duplicates: [] },
  ])('finds keys that are there twice in $text', ({ text, duplicates }) => {
    expect(parseTextStrict(text)).toEqual({ value: JSON.parse(text) as unknown, duplicates });
  });

  it.each(['9007199254740993', '[-9223372036854775808]', '{"a":9223372036854775807}', '{"a": 9223372036854775807}'])(
    'keeps the integer in %s',
    (text) => {
      expect(JSON.stringify(parseText(text), (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value))).toBe(
        text.replaceAll(' ', '').replace(/-?\d+/, '"$&"'),
      );
    },
  );

  it('takes digits in strings for what they are', () => {
    expect(parseText('{"a":"1234567890123456789","b":"x 1234567890123456789"}')).toEqual({
      a: '1234567890123456789',
      b: 'x 1234567890123456789',
    });
  });

  it('agrees with the scanner that reads every character', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(0, 1, 2), (value, space) => {
        const text = JSON.stringify(value, null, space);
        expect(parseTextStrict(text)).toEqual(parseJsonStrict(text));
      }),
    );
  });

  it.each(['', '{', '{"a"', '{"a":1,}', '{"a":"b', '[1,2', '\u0000'])('refuses %j', (text) => {
    expect(() => parseTextStrict(text)).toThrow(expect.objectContaining({ reason: 'BadRequest' }));
  });

  it.each(['[', '{"a":'])('refuses what nests too deep (%s)', (open) => {
    const close = open === '[' ? ']' : '}';
    const text = `${open.repeat(200_000)}1${close.repeat(200_000)}`;

    expect(() => parseTextStrict(text)).toThrow(expect.objectContaining({ reason: 'BadRequest' }));
  });
});
