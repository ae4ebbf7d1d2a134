import { describe, expect, it } from 'vitest';
import { addressOfDashed, addressOfReverseName, canonicalAddress, dashedAddress } from './addresses.ts';

describe('addresses', () => {
  it.each([
    ['10.0.0.1', '10.0.0.1'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['fe80::1%eth0', undefined],
    ['example.com', undefined],
    ['', undefined],
  ])('spells %s one way', (address, canonical) => {
    expect(canonicalAddress(address)).toBe(canonical);
  });

  it.each(['10.0.0.1', '2001:db8::1', '::1'])('finds %s in its label again', (address) => {
    expect(addressOfDashed(dashedAddress(address))).toBe(address);
  });

  it.each([
    ['4.3.2.1.in-addr.arpa', '1.2.3.4'],
    ['3.2.1.in-addr.arpa', undefined],
    ['256.3.2.1.in-addr.arpa', undefined],
    [`1.${'0.'.repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`, '2001:db8::1'],
    ['8.b.d.0.1.0.0.2.ip6.arpa', undefined],
    [`g.${'0.'.repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`, undefined],
    ['1.2.3.4', undefined],
  ])('reads %s', (name, address) => {
    expect(addressOfReverseName(name)).toBe(address);
  });
});
