import { describe, expect, it } from 'vitest';
import { addressRange } from './address-range.ts';

describe('ranges', () => {
  it.each([
    { cidr: '10.96.0.0/16', size: 65_534, split: 256, first: '10.96.0.1', last: '10.96.255.254' },
    { cidr: '10.0.0.77/27', size: 30, split: 16, first: '10.0.0.65', last: '10.0.0.94' },
    { cidr: '10.0.0.0/28', size: 14, split: 0, first: '10.0.0.1', last: '10.0.0.14' },
    { cidr: 'fd00:1234::/120', size: 255, split: 16, first: 'fd00:1234::1', last: 'fd00:1234::ff' },
  ])('$cidr holds $first to $last', ({ cidr, size, split, first, last }) => {
    const range = addressRange(cidr);

    expect(range).toMatchObject({ size, split });
    expect([range.address(0), range.address(size - 1)]).toEqual([first, last]);
    expect([range.contains(first), range.contains(last)]).toEqual([true, true]);
  });

  it('hold neither the network itself, nor the last address of IPv4, nor those of the other family', () => {
    const range = addressRange('10.96.0.0/16');

    expect(['10.96.0.0', '10.96.255.255', '10.95.0.1', '::1'].filter((ip) => range.contains(ip))).toEqual([]);
  });

  it('of a whole network can be drawn from', () => {
    expect(addressRange('fd00::/64').size).toBe(2 ** 47);
  });
});
