import { describe, expect, it } from 'vitest';
import { addressAt, clusterDnsOf, gatewayOf, podCidrsOf } from './ranges.ts';

describe('ranges of addresses', () => {
  it.each([
    { clusterCidr: '10.244.0.0/16', index: 1, want: ['10.244.1.0/24'] },
    { clusterCidr: '10.244.3.4/16', index: 255, want: ['10.244.255.0/24'] },
    { clusterCidr: '10.9.8.0/24', index: 1, want: ['10.9.8.0/24'] },
    { clusterCidr: '10.0.0.0/8', index: 300, want: ['10.1.44.0/24'] },
    { clusterCidr: '10.244.0.0/16,fd00:10:244::/56', index: 2, want: ['10.244.2.0/24', 'fd00:10:244:2::/64'] },
    { clusterCidr: 'fd00:10:244:7::/64,10.244.0.0/16', index: 1, want: ['fd00:10:244:7::/64', '10.244.1.0/24'] },
  ])('give node $index of $clusterCidr the networks $want', ({ clusterCidr, index, want }) => {
    expect(podCidrsOf({ clusterCidr }, index)).toEqual(want);
  });

  it.each([
    { range: '10.244.1.0/24', want: '10.244.1.1' },
    { range: 'fd00:10:244:1::/64', want: 'fd00:10:244:1::1' },
  ])('begin with the node: $want of $range', ({ range, want }) => {
    expect(gatewayOf(range)).toBe(want);
  });

  it('have their addresses counted from the network on, whatever host bits it is written with', () => {
    expect([addressAt('10.96.0.77/16', 1), addressAt('10.96.0.0/16', 300)]).toEqual(['10.96.0.1', '10.96.1.44']);
  });

  it('have the name server of pods at the tenth address of the first one for Services', () => {
    expect(clusterDnsOf({ serviceCidr: '10.96.0.0/16,fd00:96::/112' })).toBe('10.96.0.10');
    expect(clusterDnsOf({ serviceCidr: 'fd00:96::/112' })).toBe('fd00:96::a');
  });
});
