import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rangesOf } from './address-ranges.ts';

describe('rangesOf', () => {
  it.each([
    { blocks: [{ cidr: '10.0.0.0/24' }], want: ['10.0.0.0-10.0.0.255'] },
    { blocks: [{ cidr: '10.0.0.7/32' }], want: ['10.0.0.7'] },
    { blocks: [{ cidr: '0.0.0.0/0' }], want: ['0.0.0.0-255.255.255.255'] },
    {
      blocks: [{ cidr: '172.17.0.0/16', except: ['172.17.1.0/24'] }],
      want: ['172.17.0.0-172.17.0.255', '172.17.2.0-172.17.255.255'],
    },
    { blocks: [{ cidr: '10.0.0.0/24', except: ['10.0.0.0/24'] }], want: [] },
    { blocks: [{ cidr: '10.0.0.0/24', except: ['10.0.0.0/25'] }, { cidr: '10.0.0.64/26' }], want: ['10.0.0.64-10.0.0.255'] },
    { blocks: [{ cidr: '10.0.0.0/25' }, { cidr: '10.0.0.128/25' }], want: ['10.0.0.0-10.0.0.255'] },
    { blocks: [{ cidr: 'fd00::/64' }], want: [] },
  ])('$blocks: $want', ({ blocks, want }) => {
    expect(rangesOf(blocks, 'IPv4')).toEqual(want);
  });

  it('counts in IPv6', () => {
    expect(rangesOf([{ cidr: 'fd00::/126', except: ['fd00::1/128'] }, { cidr: '10.0.0.0/8' }], 'IPv6')).toEqual([
      'fd00::',
      'fd00::2-fd00::3',
    ]);
  });

  it('holds exactly the addresses that are in a block and in none of its exceptions', () => {
    const cidr = fc
      .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 24, max: 32 }))
      .map(([last, bits]) => ({ last, bits }));
    const text = ({ last, bits }: { last: number; bits: number }): string => `10.0.0.${last}/${bits}`;
    const holds = ({ last, bits }: { last: number; bits: number }, value: number): boolean =>
      last >> (32 - bits) === value >> (32 - bits);
    const block = fc.record({ cidr, except: fc.array(cidr, { maxLength: 3 }) });

    fc.assert(
      fc.property(fc.array(block, { maxLength: 4 }), (blocks) => {
        const ranges = rangesOf(
          blocks.map((one) => ({ cidr: text(one.cidr), except: one.except.map(text) })),
          'IPv4',
        ).map((range) => range.split('-').map((address) => Number(address.split('.')[3])));
        for (let value = 0; value < 256; value += 1) {
          const isWanted = blocks.some((one) => holds(one.cidr, value) && !one.except.some((hole) => holds(hole, value)));
          const isHeld = ranges.some(([first = 0, last = first]) => first <= value && value <= last);
          expect(isHeld).toBe(isWanted);
        }
      }),
    );
  });
});
