import { describe, expect, it } from 'vitest';
import type { IpFamily } from '../service-map.ts';
import { canonicalRange } from './ranges.ts';

describe('canonicalRange', () => {
  it.each<{ range: string; family: IpFamily; shown: string | undefined }>([
    { range: '10.0.0.0/8', family: 'IPv4', shown: '10.0.0.0/8' },
    { range: '10.1.2.3/8', family: 'IPv4', shown: '10.0.0.0/8' },
    { range: '192.0.2.255/25', family: 'IPv4', shown: '192.0.2.128/25' },
    { range: '1.2.3.4/0', family: 'IPv4', shown: '0.0.0.0/0' },
    { range: '1.2.3.4/32', family: 'IPv4', shown: '1.2.3.4/32' },
    { range: '2001:DB8:0:0::ff/64', family: 'IPv6', shown: '2001:db8::/64' },
    { range: '::ffff:1.2.3.4/128', family: 'IPv6', shown: '::ffff:102:304/128' },
    { range: '2001:db8::/0', family: 'IPv6', shown: '::/0' },
    { range: '10.0.0.0/33', family: 'IPv4', shown: undefined },
    { range: '10.0.0.0', family: 'IPv4', shown: undefined },
    { range: '10.0.0.0/8/8', family: 'IPv4', shown: undefined },
    { range: '10.0.0.0/-1', family: 'IPv4', shown: undefined },
    { range: '10.0.0.0/8 -j ACCEPT', family: 'IPv4', shown: undefined },
    { range: 'fd00::/8', family: 'IPv4', shown: undefined },
    { range: '10.0.0.0/8', family: 'IPv6', shown: undefined },
  ])('shows $range ($family) as $shown', ({ range, family, shown }) => {
    expect(canonicalRange(range, family)).toBe(shown);
  });
});
