import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJson, parseJsonStrict, stringifyJson } from './index.ts';

describe('parseJson', () => {
  it('keeps integers beyond 2^53', () => {
    const text = '{"a":9007199254740993,"b":-9223372036854775808,"c":1.5,"d":"12345678901234567890"}';

    expect(parseJson(text)).toEqual({ a: 9007199254740993n, b: -9223372036854775808n, c: 1.5, d: '12345678901234567890' });
    expect(stringifyJson(parseJson(text))).toBe(text);
  });

  it('takes __proto__ as an ordinary key', () => {
    const value = parseJson('{"__proto__":{"polluted":1}}') as object;

    expect(Object.hasOwn(value, '__proto__')).toBe(true);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('keeps integers that a double writes without an exponent', () => {
    expect(stringifyJson(parseJson('[100000000000000000000]'))).toBe('[100000000000000000000]');
  });

  it('refuses malformed text', () => {
    expect(() => parseJson('{')).toThrow('Cannot parse JSON');
  });

  it('reads what JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(stringifyJson(parseJson(JSON.stringify(value)))).toBe(JSON.stringify(value));
      }),
    );
  });
});

describe('parseJsonStrict', () => {
  it('names duplicate keys by their paths', () => {
    const { value, duplicates } = parseJsonStrict(
      '{"spec":{"containers":[{"image":"a","image":"b"}]},"x":1,"x":2,"y":"{\\"x\\":1"}',
    );

    expect(duplicates).toEqual(['spec.containers[0].image', 'x']);
    expect(value).toMatchObject({ x: 2 });
  });

  it('refuses text that nests too deep, without running out of stack', () => {
    expect(() => parseJsonStrict('['.repeat(200_000))).toThrow('exceeded max depth');
  });
});
