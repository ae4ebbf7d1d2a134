import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bool,
  bytes,
  int32,
  int64,
  list,
  message,
  nested,
  repeated,
  safeInt64,
  string,
  stringMap,
  uint32,
  uint64,
} from './message.ts';

const Inner = message({ name: string(1), count: safeInt64(15) });
const Outer = message({
  text: string(1),
  raw: bytes(2),
  flag: bool(3),
  kind: int32(4),
  number: safeInt64(5),
  id: int64(6),
  unsigned: uint64(7),
  inner: nested(8, Inner),
  list: repeated(2000, Inner),
  small: uint32(9),
  texts: list(10, string),
  numbers: list(11, int32),
  labels: stringMap(12),
});

const inner = fc.record({ name: fc.string({ unit: 'grapheme' }), count: fc.maxSafeInteger() });

describe('message', () => {
  it('reads what it has written', () => {
    fc.assert(
      fc.property(
        fc.record({
          text: fc.string({ unit: 'grapheme' }),
          raw: fc.uint8Array(),
          flag: fc.boolean(),
          kind: fc.integer(),
          number: fc.maxSafeInteger(),
          id: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
          unsigned: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
          inner,
          list: fc.array(inner),
          small: fc.nat(2 ** 32 - 1),
          texts: fc.array(fc.string({ unit: 'grapheme' })),
          numbers: fc.array(fc.integer()),
          labels: fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true }),
        }),
        (value) => {
          expect(Outer.decode(Outer.encode(value))).toEqual(value);
        },
      ),
    );
  });

  it('gives what a message leaves out its zero value', () => {
    const empty = Outer.encode({});

    expect(empty).toHaveLength(0);
    expect(Outer.decode(empty)).toEqual({
      text: '',
      raw: new Uint8Array(0),
      flag: false,
      kind: 0,
      number: 0,
      id: 0n,
      unsigned: 0n,
      inner: undefined,
      list: [],
      small: 0,
      texts: [],
      numbers: [],
      labels: {},
    });
  });

  it('writes what protocol buffers say', () => {
    const encoded = Outer.encode({
      text: 'é',
      raw: Uint8Array.of(1),
      flag: true,
      kind: -1,
      inner: {},
      list: [{}, { count: 300 }],
    });

    expect(Buffer.from(encoded).toString('hex')).toBe(
      '0a02c3a9' + '120101' + '1801' + '20ffffffffffffffffff01' + '4200' + '827d00' + '827d0378ac02',
    );
  });

  it('packs lists of numbers, and reads them either way', () => {
    const Numbers = message({ numbers: list(11, int32) });

    expect(Buffer.from(Numbers.encode({ numbers: [1, 300] })).toString('hex')).toBe('5a0301ac02');
    expect(Numbers.decode(Buffer.from('5801' + '58ac02' + '5a0102', 'hex')).numbers).toEqual([1, 300, 2]);
  });

  it('takes any text for the key of a map, and the last value of each', () => {
    const Labels = message({ labels: stringMap(1) });
    const pair = (value: string) => Labels.encode({ labels: { app: value } });

    expect(Object.entries(Labels.decode(Labels.encode({ labels: { ['__proto__']: 'x' } })).labels)).toEqual([['__proto__', 'x']]);
    expect(Labels.decode(Buffer.concat([pair('one'), pair('two')])).labels).toEqual({ app: 'two' });
  });

  it('skips fields that it does not know, and those of another wire type', () => {
    const Wider = message({ text: string(1), more: string(99), kind: bytes(4), number: safeInt64(5) });
    const encoded = Wider.encode({ text: 'a', more: 'unknown', kind: Uint8Array.of(1, 2), number: 7 });

    expect(Outer.decode(encoded)).toMatchObject({ text: 'a', kind: 0, number: 7 });
  });

  it('refuses a number that is no safe integer, and a message that is cut off', () => {
    const Large = message({ number: int64(5) });

    expect(() => Outer.decode(Large.encode({ number: 2n ** 60n }))).toThrow(/more than 53 bits/);
    expect(() => Outer.decode(Outer.encode({ text: 'abc' }).subarray(0, 3))).toThrow();
  });
});
