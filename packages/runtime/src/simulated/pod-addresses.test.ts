import { describe, expect, it } from 'vitest';
import { PodAddresses } from './pod-addresses.ts';

describe('PodAddresses', () => {
  it('gives each address of a range once, and again when it was given back', () => {
    const addresses = new PodAddresses('10.1.2.8/29');
    const all = Array.from({ length: 5 }, () => addresses.take());

    expect(all.flat()).toEqual(['10.1.2.10', '10.1.2.11', '10.1.2.12', '10.1.2.13', '10.1.2.14']);
    expect(() => addresses.take()).toThrow('no IP addresses available in range set: 10.1.2.8/29');
    addresses.giveBack(['10.1.2.12']);
    expect(addresses.take()).toEqual(['10.1.2.12']);
  });

  it('leaves out those that are known to be in use', () => {
    const addresses = new PodAddresses('10.1.0.0/16');
    addresses.reserve(['10.1.0.2']);

    expect(addresses.take()).toEqual(['10.1.0.3']);
  });

  it('gives one of each family, and none if one family has none left', () => {
    const addresses = new PodAddresses('fd00:1::/64,10.1.0.0/29');
    addresses.reserve(['fd00:1::2']);

    const taken = Array.from({ length: 5 }, () => addresses.take());

    expect(taken.slice(0, 2)).toEqual([
      ['fd00:1::3', '10.1.0.2'],
      ['fd00:1::4', '10.1.0.3'],
    ]);
    expect(() => addresses.take()).toThrow('range set: 10.1.0.0/29');
    addresses.giveBack(['10.1.0.3', 'fd00:1::4']);
    expect(addresses.take()).toEqual(['fd00:1::9', '10.1.0.3']);
  });

  it.each(['10.1.2.0', '10.1.2.0/31', '300.0.0.0/24', 'fd00::/16', '10.1.0.0/24,'])('refuses %s', (cidr) => {
    expect(() => new PodAddresses(cidr)).toThrow('not a range of IPv');
  });
});
